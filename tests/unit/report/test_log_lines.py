"""Lines of replicas as people and programs read them."""

from __future__ import annotations

import json

import pytest

from deploytool.model.container import ContainerEvent
from deploytool.model.log import LogLine
from deploytool.report.log_lines import LogJson, LogText, event_json, event_text, tame

LINE = LogLine("2026-11-25T13:57:56.759353023Z", "hello", "shop", "web", 2, "shop-web-2")


def test_a_line_has_its_replica_before_it() -> None:
    """Aligned with the longest so far; its project where there are several, its time where that is wanted."""
    printer = LogText()
    assert printer.line("lab10", LINE) == "lab10 web-2 | hello"
    assert printer.line("lab1", LINE) == "lab1 web-2  | hello"
    assert LogText(timestamps=True, several=True).line("h", LINE) == f"h shop/web-2 | {LINE.when} hello"


def test_a_replica_keeps_its_colour() -> None:
    """Another has another."""
    printer = LogText(colour=True)
    one, two, again = (printer.line(host, LINE) for host in ("h1", "h2", "h1"))
    assert one == again == "\x1b[36mh1 web-2 |\x1b[0m hello"
    assert two.startswith("\x1b[33mh2")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain ü\tx", "plain ü\tx"),
        ("\x1b[1;31mred", "\x1b[1;31mred\x1b[0m"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x1b]0;title\x07x\x1b]8;;http://h\x1b\\y", "xy"),
        ("a\rb\x08\x00\x9b2Jc", "ab2Jc"),
        ("turned \u202egnp.exe", "turned gnp.exe"),
        ("\x1b[?1049hx\x1bP+q\x1b\\", "xP+q\\"),
    ],
)
def test_a_replica_cannot_take_over_the_terminal(written: str, shown: str) -> None:
    """Colours pass, and end with the line; everything else that a terminal would obey does not."""
    assert tame(written) == shown


def test_without_a_terminal_the_text_is_as_it_was_written() -> None:
    """Whoever reads it with a program wants the bytes."""
    written = LogLine(LINE.when, "\x1b[2Jx", "shop", "web", 2, "shop-web-2")
    assert LogText().line("h1", written) == "h1 web-2 | \x1b[2Jx"
    assert json.loads(LogJson().line("h1", written))["text"] == "\x1b[2Jx"


def test_an_event_says_what_matters_of_it() -> None:
    """The exit code of an end, the verdict of a health check."""
    died = ContainerEvent("die", "1", "shop-web-2", "shop", "web", 2, exit_code=137, time_s=1.5)
    assert event_text("h1", died).endswith("  h1  shop  web-2  die  exit code 137")
    sick = ContainerEvent("health_status", "1", "x", health="unhealthy")
    assert event_text("h1", sick).endswith("  h1  -  x  health_status  unhealthy")
    assert json.loads(event_json("h1", died))["exit_code"] == 137
