"""What many hosts tell, as one sequence by time: bounded in memory, and never held up by one of them.

What was written before (history) comes from each host in order and is merged exactly: a line waits for the
next one of every other host, though not longer than ``PATIENCE_S`` for a host that says nothing. What is
written from now on waits ``HOLD_S`` for what was written a little earlier elsewhere. A host that tells more
than is taken waits, and through its stream so does what it reads from.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

PATIENCE_S = 3.0
HOLD_S = 0.2
ROOM = 1000


@dataclass(slots=True)
class _Told(Generic[T]):
    """What one host told and nobody took. ``quiet_s``: since when nothing of it is waiting."""

    waiting: deque[tuple[float, T]] = field(default_factory=deque)
    quiet_s: float = 0.0
    live: bool = False
    over: bool = False


class LogMerge(Generic[T]):
    """Takes values from one thread a host, and gives them to one reader. ``key`` is what
    they are sorted by."""

    def __init__(
        self,
        hosts: Iterable[str],
        key: Callable[[T], tuple[str, float]],
        *,
        live: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = key
        self._clock = clock
        self._changed = threading.Condition()
        self._closed = False
        self._wait_s: float | None = None
        self._told = {host: _Told[T](quiet_s=clock(), live=live) for host in hosts}

    def put(self, host: str, value: T) -> bool:
        """Add a value; waits while there is no room. False where nobody wants any more."""
        told = self._told[host]
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(told.waiting) < ROOM)
            told.waiting.append((self._clock(), value))
            if len(told.waiting) == 1:  # nobody waits for a second one
                self._changed.notify_all()
            return not self._closed

    def live(self, host: str) -> None:
        """The host's history has been told."""
        with self._changed:
            self._told[host].live = True
            self._changed.notify_all()

    def over(self, host: str) -> None:
        """Nothing more will come from the host."""
        with self._changed:
            self._told[host].over = True
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody reads any more: let all who wait go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        for taken in self.batches():
            yield from taken

    def batches(self) -> Iterator[list[T]]:
        """The same, all at once of what may be told at one time."""
        while True:
            with self._changed:
                while not (taken := self._take()):
                    if self._closed or self._ended():
                        return
                    self._changed.wait(self._wait_s)
                self._changed.notify_all()
            yield taken

    def _ended(self) -> bool:
        return all(told.over and not told.waiting for told in self._told.values())

    def _take(self) -> list[T]:
        """What may be told now. Without any, ``_wait_s`` is how long until that changes by itself."""
        now, self._wait_s = self._clock(), None
        waiting = [told for told in self._told.values() if told.waiting]
        history = [told for told in self._told.values() if not (told.live or told.over)]
        if not waiting:
            return []
        silent = (told.quiet_s + PATIENCE_S - now for told in history if not told.waiting)
        wait_s = max(silent, default=0.0)
        if wait_s <= 0 and not any(told.waiting for told in history):
            if all(told.over for told in self._told.values()):
                return self._all(waiting, now)
            wait_s = min(told.waiting[0][0] for told in waiting) + HOLD_S - now
            if wait_s <= 0:
                return self._all(waiting, now)
        if wait_s <= 0:
            return self._in_order(waiting, {id(told) for told in history}, now)
        self._wait_s = wait_s
        return []

    def _in_order(self, waiting: list[_Told[T]], history: set[int], now: float) -> list[T]:
        """Merged, up to where the next value of a host is not known yet."""
        heads = [(self._key(told.waiting[0][1]), n) for n, told in enumerate(waiting)]
        heapq.heapify(heads)
        taken = []
        while heads:
            n = heads[0][1]
            told = waiting[n]
            taken.append(told.waiting.popleft()[1])
            if told.waiting:
                heapq.heapreplace(heads, (self._key(told.waiting[0][1]), n))
                continue
            told.quiet_s = now
            if id(told) in history:
                break
            heapq.heappop(heads)
        return taken

    def _all(self, waiting: list[_Told[T]], now: float) -> list[T]:
        taken = [value for told in waiting for _, value in told.waiting]
        for told in waiting:
            told.waiting.clear()
            told.quiet_s = now
        return sorted(taken, key=self._key)
