"""The output of ``logs.sh`` → log lines of replicas. No I/O; state is kept only of earlier lines."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from deploytool.backend.compose.documents import Document, text_of
from deploytool.backend.compose.protocol import words
from deploytool.model.log import Live, LogLine, LogQuery

_REMEMBERED = 64


def arguments(query: LogQuery) -> list[str]:
    """The arguments of ``logs.sh`` for a query."""
    tail = "all" if query.tail is None else str(query.tail)
    told = words(follow="yes" if query.follow else "", since=query.since or "", tail=tail)
    replicas = (words(project=project, service=service) for project, service in query.services)
    return [*told, *(word for pair in replicas for word in pair)]


class LogReader:
    """The reader of the documents of one run of the script."""

    def __init__(self) -> None:
        self._replicas: dict[str, LogLine] = {}
        self._pieces: dict[str, str] = {}
        self._recent: dict[str, deque[tuple[str, str]]] = {}
        self._live = False

    def read(self, raw: Document) -> LogLine | Live | None:
        """The value of a document; None for a part of a line, a replica's data, and a repeated line."""
        identity = text_of(raw, "of")
        if "replica" in raw:
            self._meet(raw)
        elif "part" in raw:
            self._pieces[identity] = self._pieces.get(identity, "") + text_of(raw, "part")
        elif "text" in raw:
            return self._line(
                text_of(raw, "at"), identity, self._pieces.pop(identity, "") + text_of(raw, "text")
            )
        elif "live" in raw:
            self._live = True
            return Live()
        return None

    def _meet(self, raw: Document) -> None:
        number = text_of(raw, "number")
        self._replicas[text_of(raw, "replica")[:12]] = LogLine(
            "",
            "",
            text_of(raw, "project"),
            text_of(raw, "service"),
            int(number) if number.isdecimal() else 0,
            text_of(raw, "name"),
        )

    def _line(self, when: str, identity: str, text: str) -> LogLine | None:
        # A replica that restarts just as following begins may be followed twice.
        recent = self._recent.setdefault(identity, deque(maxlen=_REMEMBERED))
        if self._live and when and (when, text) in recent:
            return None
        recent.append((when, text))
        replica = self._replicas.get(identity, LogLine("", "", container=identity))
        return replace(replica, when=when, text=text.removesuffix("\r"))
