"""A hard end for calls that cannot be given a deadline otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType


class Watchdog:
    """As a context: calls ``stop`` when ``seconds`` are over. ``expired`` tells afterwards whether it did.

    ``stop`` runs in a thread of its own and has to make the guarded call return, as closing its socket does.
    """

    def __init__(self, seconds: float, stop: Callable[[], object]) -> None:
        self.expired = False
        self._stop = stop
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def _expire(self) -> None:
        self.expired = True
        self._stop()

    def __enter__(self) -> Watchdog:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
