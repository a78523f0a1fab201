"""The recipes of images, and the archives that they are built from."""

from __future__ import annotations

import io
import tarfile

from deploytool.lab.image_build import digest, tar


def test_equal_files_give_equal_bytes():
    """In whatever order they are named; the engine's cache then knows the build."""
    assert tar({"a": b"1", "b": b"2"}) == tar({"b": b"2", "a": b"1"})


def test_files_of_an_archive_can_be_executed():
    """Entry points and scripts are among them."""
    with tarfile.open(fileobj=io.BytesIO(tar({"bin/web": b"#!/bin/sh"}))) as archive:
        (member,) = archive.getmembers()
    assert (member.name, member.size, member.mode) == ("bin/web", 9, 0o755)


def test_a_recipe_depends_on_where_one_part_ends():
    """Text that moves from one file to the next makes another image."""
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("ab") == digest(b"ab")
