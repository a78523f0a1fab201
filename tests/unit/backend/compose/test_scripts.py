"""Each script is whole: what it calls travels with it, and nothing that it needs is taken for a comment."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import deploytool.backend.compose
from deploytool.backend.compose.scripts import (
    FILES,
    look_script,
    look_source,
    stream_script,
    stream_source,
    verb_script,
    verb_source,
    without_comments,
)

HOST = Path(deploytool.backend.compose.__file__).parent / "host"
STREAMS = ("events", "logs", "releases")
SCRIPTS = {
    "look": (look_script(), look_source()),
    **{name: (stream_script(name), stream_source(name)) for name in STREAMS},
    **{verb: (verb_script(verb), verb_source(verb)) for verb in FILES},
}
DEFINED = re.compile(r"^([a-z_]+)\(\) \{", re.MULTILINE)
# A name where a shell expects a command, or where one is passed on to be called.
BEFORE = r"(?:^|[;&|({!]|\b(?:then|do|else|if|while|main|each [a-z]+)\b)"
CALLED = re.compile(BEFORE + r"[ \t]*([a-z_]+)(?=[\s;]|$)|(?<=\()[a-z_]+(?=\))", re.MULTILINE)
EVERY = {name for path in HOST.glob("*.sh") for name in DEFINED.findall(path.read_text("utf-8"))}


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_script_calls_travels_with_it(name: str) -> None:
    """Whatever file it is in; a host says "not found" of what does not, in the middle of a change."""
    script, _ = SCRIPTS[name]
    called = {match[1] or match[0] for match in CALLED.finditer(script)}
    missing = (called & EVERY) - set(DEFINED.findall(script))
    assert missing == set()


def test_no_file_is_left_over() -> None:
    """Each one travels with some script."""
    sources = "\n".join(source for _, source in SCRIPTS.values())
    assert [path.name for path in HOST.glob("*.sh") if path.read_text("utf-8") not in sources] == []


@pytest.mark.parametrize("path", sorted(HOST.glob("*.sh")), ids=lambda path: path.name)
def test_a_file_is_of_one_concern(path: Path) -> None:
    """Some 150 lines at most."""
    assert len(path.read_text("utf-8").splitlines()) <= 155


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_without_its_comments_is_the_same_program(name: str) -> None:
    """A shell reads it, and no comment stands in a text, but for programs that know the same comments."""
    script, source = SCRIPTS[name]
    assert subprocess.run(["sh", "-n", "-c", script]).returncode == 0
    dropped = set(source.splitlines()) - set(script.splitlines())
    assert all(not line.strip() or line.lstrip().startswith("#") for line in dropped)
    assert len(script) < len(source)


def test_only_whole_lines_are_comments() -> None:
    """A sign within a line may be anything."""
    assert without_comments("# a\n\n  # b\nx=${y#z} # c\n") == "x=${y#z} # c\n"
