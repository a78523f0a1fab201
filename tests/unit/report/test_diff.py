"""The text of ``--diff``."""

from __future__ import annotations

import json
from dataclasses import replace

from deploytool.model.difference import Difference
from deploytool.report.diff import diff_json, diff_text

BEFORE = """\
name: shop
services:
  web:
    image: "demo/web:1"
    environment:
      A: a
      B: b
      C: c
      D: d
      E: e
      F: f
      PASSWORD: "[masked 111111]"
"""
AFTER = BEFORE.replace("web:1", "web:2").replace("111111", "222222")
CHANGED = Difference("shop", "h1", BEFORE, AFTER, release=3)


def test_hosts_with_the_same_difference_share_it():
    """A unified diff; each hunk says where it is."""
    others = [replace(CHANGED, host="h2"), Difference("shop", "h3", after="name: shop\n")]
    assert diff_text([CHANGED, *others]) == (
        "shop · h1, h2\n"
        "--- compose.yaml, release 3\n"
        "+++ compose.yaml, wanted\n"
        "@@ -1,7 +1,7 @@\n"
        " name: shop\n"
        " services:\n"
        "   web:\n"
        '-    image: "demo/web:1"\n'
        '+    image: "demo/web:2"\n'
        "     environment:\n"
        "       A: a\n"
        "       B: b\n"
        "@@ -9,4 +9,4 @@ services.web.environment\n"
        "       D: d\n"
        "       E: e\n"
        "       F: f\n"
        '-      PASSWORD: "[masked 111111]"\n'
        '+      PASSWORD: "[masked 222222]"\n'
        "shop · h3\n"
        "--- /dev/null\n"
        "+++ compose.yaml, wanted\n"
        "@@ -0,0 +1 @@\n"
        "+name: shop\n"
    )


def test_a_place_inside_a_list_is_named_by_the_keys_around_it():
    """The item's own first line is no name."""
    item = "      - source: pin\n        a: a\n        b: b\n        c: c\n        d: d\n"
    before = f"services:\n  web:\n    secrets:\n{item}"
    text = diff_text([replace(CHANGED, before=before, after=before.replace("d: d", "d: e"))])
    assert "@@ -5,4 +5,4 @@ services.web.secrets\n" in text


def test_what_leaves_a_host_is_removed_as_a_whole():
    """As for a file that is deleted."""
    text = diff_text([Difference("shop", "h1", before="name: shop\n", release=2)])
    assert text.splitlines()[1:] == [
        "--- compose.yaml, release 2",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-name: shop",
    ]


def test_equal_definitions_print_nothing_and_a_note_stands_alone():
    """No heading without something below."""
    same = replace(CHANGED, after=BEFORE)
    assert diff_text([same]) == ""
    assert diff_text([replace(same, note="edited by hand")]) == "shop · h1\nnote: edited by hand\n"


def test_files_are_named_with_both_hashes():
    """Only those that are there before and after; the content itself is nowhere."""
    paths = ("files/aaaaaaaaaaaa/site.conf", "files/[masked 111111]/key", "files/cccccccccccc/old.conf")
    before = "".join(f'- "/x/{path}"\n' for path in paths)
    after = before.replace("aaaaaaaaaaaa", "bbbbbbbbbbbb").replace("111111", "222222").replace("old", "new")
    assert diff_text([replace(CHANGED, before=before, after=after)]).splitlines()[-2:] == [
        "content of key: [masked 111111] → [masked 222222], not shown",
        "content of site.conf: aaaaaaaaaaaa → bbbbbbbbbbbb, not shown",
    ]


def test_programs_get_the_same_text():
    """One line of JSON."""
    line = diff_json([CHANGED])
    assert json.loads(line) == {"event": "Diff", "text": diff_text([CHANGED])}
    assert "\n" not in line
