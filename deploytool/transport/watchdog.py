"""Deadlines for blocking calls that take no timeout of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

_TICK_S = 1.0


class Watchdog:
    """Context manager that calls ``stop`` when the body has taken ``timeout_s``; then ``expired`` is true.

    ``stop`` runs in a thread of its own and has to make the guarded call return, as closing its socket does.
    """

    def __init__(self, timeout_s: float, stop: Callable[[], object]) -> None:
        self.expired = False
        self._timeout_s = timeout_s
        self._stop = stop

    def expire(self) -> None:
        """Call ``stop``: the deadline is over."""
        self.expired = True
        threading.Thread(target=self._stop, name="watchdog", daemon=True).start()

    def __enter__(self) -> Watchdog:
        _TIMER.add(self, time.monotonic() + self._timeout_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _TIMER.remove(self)


class _Timer:
    """The deadlines of all watchdogs, watched by one thread that ends when there were none for a while.

    A thread for each watchdog would be a good part of the cost of a connection.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deadlines: dict[Watchdog, float] = {}
        self._next_check = 0.0
        self._running = False

    def add(self, watchdog: Watchdog, deadline: float) -> None:
        with self._changed:
            self._deadlines[watchdog] = deadline
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="watchdogs", daemon=True).start()
            elif deadline < self._next_check:
                self._changed.notify()

    def remove(self, watchdog: Watchdog) -> None:
        with self._changed:
            self._deadlines.pop(watchdog, None)

    def _run(self) -> None:
        with self._changed:
            idle = False
            while self._deadlines or not idle:
                idle = not self._deadlines
                self._expire_due(time.monotonic())
                self._changed.wait(self._next_check - time.monotonic())
            self._running = False

    def _expire_due(self, now: float) -> None:
        for watchdog in [watchdog for watchdog, deadline in self._deadlines.items() if deadline <= now]:
            del self._deadlines[watchdog]
            watchdog.expire()
        self._next_check = min((now + _TICK_S, *self._deadlines.values()))


_TIMER = _Timer()
