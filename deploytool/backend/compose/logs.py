"""What ``logs.sh`` prints → lines of replicas. Pure but for what it remembers of earlier lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from deploytool.model.log import Live, LogLine, LogQuery

_REMEMBERED = 64


def arguments(query: LogQuery) -> list[str]:
    """The words that ``logs.sh`` takes."""
    tail = "all" if query.tail is None else str(query.tail)
    pairs = [word for pair in query.services for word in pair]
    return ["follow" if query.follow else "-", query.since or "-", tail, *pairs]


class LogReader:
    """Reads one run of the script, line by line."""

    def __init__(self) -> None:
        self._replicas: dict[str, tuple[str, int, str, str]] = {}
        self._pieces: dict[str, str] = {}
        self._recent: dict[str, deque[tuple[str, str]]] = {}
        self._live = False

    def read(self, line: str) -> LogLine | Live | None:
        """The value of a line; None where it only says something about others, or was told before."""
        word, _, rest = line.partition(" ")
        if word == "replica":
            self._meet(rest.split(" "))
            return None
        if line == "live":
            self._live = True
            return Live()
        name, _, text = rest.partition(" ")
        if "+" in name:
            name, _, piece = rest.partition("+")
            self._pieces[name] = self._pieces.get(name, "") + piece
            return None
        return self._line("" if word == "-" else word, name, self._pieces.pop(name, "") + text)

    def _meet(self, words: Sequence[str]) -> None:
        if len(words) == 5:
            identity, service, number, project, name = words
            count = int(number) if number.isdecimal() else 0
            self._replicas[identity[:12]] = (service, count, project, name)

    def _line(self, when: str, identity: str, text: str) -> LogLine | None:
        # A replica that was restarted while the following began may be followed twice.
        recent = self._recent.setdefault(identity, deque(maxlen=_REMEMBERED))
        if self._live and when and (when, text) in recent:
            return None
        recent.append((when, text))
        service, number, project, name = self._replicas.get(identity, ("", 0, "", identity))
        return LogLine(when, text.removesuffix("\r"), project, service, number, name)
