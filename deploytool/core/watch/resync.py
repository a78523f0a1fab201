"""The times at which a watcher looks at a host: after events, after silence, and at intervals.

Pure: times are seconds of a clock that never goes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

SETTLED_S = 0.1  # events come in bunches: a stop is a kill, a die and a destroy
UNSETTLED_S = 1.0  # … but a host on which something happens all the time is looked at, too
RETRY_FIRST_S, RETRY_MOST_S = 1.0, 10.0
HEARD_S, DEAF_MOST_S = 10.0, 60.0  # a feed of events that lasted less does not work


@dataclass(frozen=True, slots=True)
class HostWatch:
    """The times that decide about the next look. ``looked_s``: the end of the last one, None before it.

    ``first_s`` and ``last_s`` are of the events since the last look began. ``silent_s`` is since when it does
    not answer, ``tries`` how often that was tried. ``busy``: a look is under way. ``heard_s`` is
    when its events were last asked for, ``deaf`` how often in a row they ended at once.
    """

    looked_s: float | None = None
    first_s: float | None = None
    last_s: float = 0.0
    silent_s: float | None = None
    tries: int = 0
    busy: bool = False
    heard_s: float = 0.0
    deaf: int = 0

    def stirred(self, now_s: float) -> HostWatch:
        """Something happened on the host."""
        return replace(self, first_s=now_s if self.first_s is None else self.first_s, last_s=now_s)

    def looking(self) -> HostWatch:
        """A look begins: it will see all that has happened so far."""
        return replace(self, first_s=None, busy=True)

    def answered(self, now_s: float) -> HostWatch:
        return replace(self, looked_s=now_s, silent_s=None, tries=0, busy=False)

    def fell_silent(self, now_s: float) -> HostWatch:
        """It does not answer, or its events have ended; the clock of its absence starts once."""
        silent_s = now_s if self.silent_s is None else self.silent_s
        return replace(self, looked_s=now_s, silent_s=silent_s, tries=self.tries + 1, busy=False)

    def suspect(self, now_s: float) -> HostWatch:
        """Its events ended: it may be gone, and is asked at once. A look under way goes on."""
        silent_s = now_s if self.silent_s is None else self.silent_s
        deaf = self.deaf + 1 if now_s - self.heard_s < HEARD_S else 0
        return replace(self, silent_s=silent_s, tries=0, deaf=deaf)

    def listening(self, now_s: float) -> HostWatch:
        """Its events are asked for."""
        return replace(self, heard_s=now_s)

    def may_listen(self, now_s: float) -> bool:
        """True where its events may be asked for again: less and less often where they end at once."""
        return not self.deaf or now_s >= self.heard_s + min(DEAF_MOST_S, float(1 << min(self.deaf, 10)))

    def due_s(self, resync_s: float) -> float | None:
        """The time of the next look, in seconds; None while one is under way."""
        if self.busy:
            return None
        if self.looked_s is None:
            return 0.0
        if self.silent_s is not None:
            wait_s = RETRY_FIRST_S * float(1 << min(self.tries - 1, 10)) if self.tries else 0.0
            return self.looked_s + min(RETRY_MOST_S, wait_s)
        due_s = self.looked_s + resync_s
        if self.first_s is not None:
            due_s = min(due_s, self.last_s + SETTLED_S, self.first_s + UNSETTLED_S)
        return due_s


def next_delay(times: Iterable[float | None], now_s: float, most_s: float) -> float:
    """The seconds until the first of ``times``, at most ``most_s``."""
    return max(0.0, min([most_s, *(time - now_s for time in times if time is not None)]))
