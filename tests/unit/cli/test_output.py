"""``-o`` and ``--diff`` on stdout: colours for people at a terminal, one line of JSON for programs."""

from __future__ import annotations

import json
import sys

import pytest

from deploytool.cli.output import stdout_has_colours
from deploytool.model.difference import Difference
from deploytool.model.plan import Plan
from deploytool.report.base import PlanView
from deploytool.report.registry import RUN_FORMATS

FOUND = [Difference("shop", "h1", "image: a\n", "image: b\n", release=1)]
RED, GREEN = "\x1b[31m", "\x1b[32m"
NOTHING = "Nothing to do.\n"


def shown(output: str = "text", found: list[Difference] = FOUND) -> str:
    """The differences as they are printed behind a plan."""
    form = RUN_FORMATS[output](colour=stdout_has_colours())
    return form.plan(PlanView(Plan(), dict, differences=found)).removeprefix(NOTHING)


@pytest.mark.parametrize(("terminal", "no_color", "coloured"), [(1, "", 1), (1, "1", 0), (0, "", 0)])
def test_colours_are_for_terminals_and_no_color_is_respected(monkeypatch, terminal, no_color, coloured):
    """What goes is red, what comes is green; a pipe and NO_COLOR get plain text."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: bool(terminal))
    monkeypatch.setenv("NO_COLOR", no_color)
    text = shown()
    assert (f"{RED}-image: a" in text, f"{GREEN}+image: b" in text) == (coloured, coloured)
    assert ("\x1b" in text) == coloured


def test_programs_get_one_line():
    """Beside the events."""
    (line,) = shown("jsonl").splitlines()
    assert json.loads(line)["event"] == "Diff"


@pytest.mark.parametrize("output", ["text", "jsonl"])
def test_no_difference_prints_nothing(output):
    """Not even a heading."""
    assert shown(output, []) == ""
