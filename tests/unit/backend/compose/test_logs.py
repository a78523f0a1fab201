"""Reading what the script prints of logs."""

from __future__ import annotations

from deploytool.backend.compose.logs import LogReader, arguments
from deploytool.model.log import Live, LogLine, LogQuery

ID = "6eafef12373933129fc834914ed13520458ac068e757ca078155e2dfd73c5f0c"
MEET = f"replica {ID} web 2 shop shop-web-2"
WHEN = "2026-11-25T13:57:56.759353023Z"


def read(*lines: str) -> list[LogLine | Live]:
    reader = LogReader()
    return [value for line in (MEET, *lines) if (value := reader.read(line)) is not None]


def text_of(*lines: str) -> list[str]:
    return [one.text for one in read(*lines) if isinstance(one, LogLine)]


def test_a_line_is_of_a_replica() -> None:
    """Its text is all behind the third word, white space included."""
    assert read(f"{WHEN} {ID[:12]}  hello  world ") == [
        LogLine(WHEN, " hello  world ", "shop", "web", 2, "shop-web-2")
    ]


def test_pieces_are_put_together_per_replica() -> None:
    """Whatever comes between them from others."""
    assert text_of(
        f"{WHEN} {ID[:12]}+one + two", f"{WHEN} aaaaaaaaaaaa other", f"{WHEN} {ID[:12]} three"
    ) == [
        "other",
        "one + twothree",
    ]


def test_empty_lines_and_carriage_returns() -> None:
    """An empty line is a line; what a terminal adds is not text."""
    assert text_of(f"{WHEN} {ID[:12]} ", f"{WHEN} {ID[:12]} typed\r") == ["", "typed"]


def test_what_docker_itself_says_has_no_time() -> None:
    """It is shown all the same."""
    assert read(f"- {ID[:12]} configured logging driver does not support reading") == [
        LogLine("", "configured logging driver does not support reading", "shop", "web", 2, "shop-web-2")
    ]


def test_a_line_that_was_told_is_not_told_again_while_following() -> None:
    """A replica that was restarted while the following began is followed twice; from before, all counts."""
    line = f"{WHEN} {ID[:12]} hello"
    assert text_of(line, line, "live", line, line) == ["hello", "hello"]
    assert read("live") == [Live()]


def test_lines_that_make_no_sense_are_harmless() -> None:
    """Nothing that a host prints ends the reading."""
    assert read("replica", "replica x", "", "x") == [LogLine("", ""), LogLine("x", "")]


def test_the_arguments_of_the_script() -> None:
    """Words, never text for a shell."""
    services = (("shop", "web"), ("shop", "api"))
    assert arguments(LogQuery(services)) == ["-", "-", "all", "shop", "web", "shop", "api"]
    assert arguments(LogQuery(services[:1], "5s", 0, True)) == ["follow", "5s", "0", "shop", "web"]
