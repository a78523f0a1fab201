"""``--diff`` on the screen: colours for people at a terminal, one line of JSON for programs."""

from __future__ import annotations

import json
import sys

import pytest

from deploytool.cli.output import show_differences
from deploytool.model.difference import Difference

FOUND = [Difference("shop", "h1", "image: a\n", "image: b\n", release=1)]
RED, GREEN = "\x1b[31m", "\x1b[32m"


def shown(capsys, output: str = "text", found: list[Difference] = FOUND) -> str:
    show_differences(found, output)
    return capsys.readouterr().out


@pytest.mark.parametrize(("terminal", "no_color", "coloured"), [(1, "", 1), (1, "1", 0), (0, "", 0)])
def test_colours_are_for_terminals_and_no_color_is_respected(
    capsys, monkeypatch, terminal, no_color, coloured
):
    """What goes is red, what comes is green; a pipe and NO_COLOR get plain text."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: bool(terminal))
    monkeypatch.setenv("NO_COLOR", no_color)
    text = shown(capsys)
    assert (f"{RED}-image: a" in text, f"{GREEN}+image: b" in text) == (coloured, coloured)
    assert ("\x1b" in text) == coloured


def test_programs_get_one_line(capsys):
    """Beside the events."""
    assert json.loads(shown(capsys, "jsonl"))["event"] == "Diff"


@pytest.mark.parametrize("output", ["text", "jsonl"])
def test_no_difference_prints_nothing(capsys, output):
    """Not even a heading."""
    assert shown(capsys, output, []) == ""
