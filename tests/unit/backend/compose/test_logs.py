"""Reading what the script prints of logs."""

from __future__ import annotations

from deploytool.backend.compose.documents import Document
from deploytool.backend.compose.logs import LogReader, arguments
from deploytool.model.log import Live, LogLine, LogQuery

ID = "6eafef12373933129fc834914ed13520458ac068e757ca078155e2dfd73c5f0c"
MEET = {"replica": ID, "service": "web", "number": "2", "project": "shop", "name": "shop-web-2"}
WHEN = "2026-11-25T13:57:56.759353023Z"
LIVE: Document = {"live": True}


def line(text: str, at: str = WHEN, of: str = ID[:12]) -> Document:
    return {"at": at, "of": of, "text": text}


def read(*told: Document) -> list[LogLine | Live]:
    reader = LogReader()
    return [value for raw in (MEET, *told) if (value := reader.read(raw)) is not None]


def text_of(*told: Document) -> list[str]:
    return [one.text for one in read(*told) if isinstance(one, LogLine)]


def test_a_line_is_of_a_replica() -> None:
    """Its text is as it was written, white space included."""
    assert read(line(" hello  world ")) == [LogLine(WHEN, " hello  world ", "shop", "web", 2, "shop-web-2")]


def test_pieces_are_put_together_per_replica() -> None:
    """Whatever comes between them from others."""
    piece = {"at": WHEN, "of": ID[:12], "part": "one + two"}
    assert text_of(piece, line("other", of="aaaaaaaaaaaa"), line("three")) == [
        "other",
        "one + twothree",
    ]


def test_empty_lines_and_carriage_returns() -> None:
    """An empty line is a line; what a terminal adds is not text."""
    assert text_of(line(""), line("typed\r")) == ["", "typed"]


def test_what_docker_itself_says_has_no_time() -> None:
    """It is shown all the same."""
    assert read(line("configured logging driver does not support reading", at="")) == [
        LogLine("", "configured logging driver does not support reading", "shop", "web", 2, "shop-web-2")
    ]


def test_a_line_that_was_told_is_not_told_again_while_following() -> None:
    """A replica that was restarted while the following began is followed twice; from before, all counts."""
    hello = line("hello")
    assert text_of(hello, hello, LIVE, hello, hello) == ["hello", "hello"]
    assert read(LIVE) == [Live()]


def test_lines_that_make_no_sense_are_harmless() -> None:
    """Nothing that a host prints ends the reading."""
    assert read({"replica": 1}, {"replica": "x"}, {}, {"x": "y"}, {"text": 1}) == [LogLine("", "")]


def test_the_arguments_of_the_script() -> None:
    """Words, never text for a shell."""
    services = (("shop", "web"), ("shop", "api"))
    web, api = ["--project", "shop", "--service", "web"], ["--project", "shop", "--service", "api"]
    told = ["--follow", "", "--since", "", "--tail", "all", *web, *api]
    assert arguments(LogQuery(services)) == told
    told = ["--follow", "yes", "--since", "5s", "--tail", "0", *web]
    assert arguments(LogQuery(services[:1], "5s", 0, True)) == told
