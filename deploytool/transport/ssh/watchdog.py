"""A hard end for calls that cannot be given a deadline otherwise."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

_TICK_S = 1.0


class Watchdog:
    """As a context: calls ``stop`` when ``seconds`` are over. ``expired`` tells afterwards whether it did.

    ``stop`` runs in a thread of its own and has to make the guarded call return, as closing its socket does.
    """

    def __init__(self, seconds: float, stop: Callable[[], object]) -> None:
        self.expired = False
        self._seconds = seconds
        self._stop = stop

    def expire(self) -> None:
        """The time is over."""
        self.expired = True
        threading.Thread(target=self._stop, name="watchdog", daemon=True).start()

    def __enter__(self) -> Watchdog:
        _CLOCK.add(self, time.monotonic() + self._seconds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _CLOCK.remove(self)


class _Clock:
    """One thread for all watchdogs: one for each would be a good part of what a connection costs.

    It ends when there was none for a while.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ends: dict[Watchdog, float] = {}
        self._wakes = 0.0
        self._runs = False

    def add(self, watchdog: Watchdog, end: float) -> None:
        with self._changed:
            self._ends[watchdog] = end
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._run, name="watchdogs", daemon=True).start()
            elif end < self._wakes:
                self._changed.notify()

    def remove(self, watchdog: Watchdog) -> None:
        with self._changed:
            self._ends.pop(watchdog, None)

    def _run(self) -> None:
        with self._changed:
            idle = False
            while self._ends or not idle:
                idle = not self._ends
                now = time.monotonic()
                for watchdog in [one for one, end in self._ends.items() if end <= now]:
                    del self._ends[watchdog]
                    watchdog.expire()
                self._wakes = min((now + _TICK_S, *self._ends.values()))
                self._changed.wait(self._wakes - now)
            self._runs = False


_CLOCK = _Clock()
