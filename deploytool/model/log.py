"""Lines that replicas wrote, and which of them are asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines. ``services`` are pairs of project and service.

    ``since`` is as Docker takes it, empty for all; ``tail`` the number of lines of each replica, None for
    all. ``follow``: also what is written from now on, and by replicas that start meanwhile.
    """

    services: tuple[tuple[str, str], ...]
    since: str = ""
    tail: int | None = None
    follow: bool = False


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a replica.

    ``when`` is RFC 3339 in UTC with nine digits of a second, by the host's clock, so that it sorts as text;
    empty where Docker itself complains.
    """

    when: str
    text: str
    project: str = ""
    service: str = ""
    number: int = 0
    container: str = ""


@dataclass(frozen=True, slots=True)
class Live:
    """All that was written so far has been told; what follows comes as it is written."""
