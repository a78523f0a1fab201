"""Log lines of replicas, and the query for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogQuery:
    """A query for log lines. ``services``: (project, service) pairs.

    ``since``: a time in Docker's syntax, empty for all. ``tail``: the number of lines of each replica, None
    for all. ``follow``: add later lines, also those of replicas that start later.
    """

    services: tuple[tuple[str, str], ...]
    since: str = ""
    tail: int | None = None
    follow: bool = False


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a replica.

    ``when``: RFC 3339 in UTC with nine fractional digits, by the host's clock, so that it sorts as text;
    empty for messages of Docker itself.
    """

    when: str
    text: str
    project: str = ""
    service: str = ""
    number: int = 0
    container: str = ""


@dataclass(frozen=True, slots=True)
class Live:
    """The mark between the lines written so far and those that arrive as they are written."""
