"""Merges the log lines or events of many hosts by time, in bounded memory.

History (what was written before the start) arrives in order from each host and is merged exactly: a value
waits for the next one of every other host, though not longer than ``HISTORY_WAIT_S`` for a host that sends
nothing. A live value waits ``REORDER_S`` for earlier ones that arrive later from other hosts. A host that has
``CAPACITY`` values waiting is blocked, and through its stream so is the process on it that writes them.
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

HISTORY_WAIT_S = 3.0
REORDER_S = 0.2
CAPACITY = 1000


@dataclass(slots=True)
class _Queue(Generic[T]):
    """The waiting values of one host, each with the time of its arrival.

    ``empty_since_s`` is when the last one was taken; ``live`` after the history, ``ended`` after all.
    """

    waiting: deque[tuple[float, T]] = field(default_factory=deque)
    empty_since_s: float = 0.0
    live: bool = False
    ended: bool = False

    @property
    def in_history(self) -> bool:
        return not (self.live or self.ended)


class LogMerge(Generic[T]):
    """Takes values from one thread for each host, and gives them to one reader, sorted by ``key``."""

    def __init__(
        self,
        hosts: Iterable[str],
        key: Callable[[T], tuple[str, float]],
        *,
        live: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``live``: no host has a history."""
        self._key = key
        self._clock = clock
        self._changed = threading.Condition()
        self._closed = False
        self._wait_s: float | None = None
        self._queues = {host: _Queue[T](empty_since_s=clock(), live=live) for host in hosts}

    def put(self, host: str, value: T) -> bool:
        """Add a value, blocking while the host's queue is full. False once the merge is closed."""
        queue = self._queues[host]
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(queue.waiting) < CAPACITY)
            queue.waiting.append((self._clock(), value))
            if len(queue.waiting) == 1:  # the reader waits only for hosts without a value
                self._changed.notify_all()
            return not self._closed

    def end_history(self, host: str) -> None:
        """The values of the host that follow are live."""
        with self._changed:
            self._queues[host].live = True
            self._changed.notify_all()

    def end(self, host: str) -> None:
        """No more values will come from the host."""
        with self._changed:
            self._queues[host].ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """End the merge, and wake all threads that wait in ``put``."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        for taken in self.batches():
            yield from taken

    def batches(self) -> Iterator[list[T]]:
        """The values in order, in lists of those that are due at the same time."""
        while True:
            with self._changed:
                while not (taken := self._take()):
                    if self._closed or self._ended():
                        return
                    self._changed.wait(self._wait_s)
                self._changed.notify_all()
            yield taken

    def _ended(self) -> bool:
        return all(queue.ended and not queue.waiting for queue in self._queues.values())

    def _take(self) -> list[T]:
        """The values that are due now. If there are none, ``_wait_s`` is when some will be; None: unknown."""
        now, self._wait_s = self._clock(), None
        filled = [queue for queue in self._queues.values() if queue.waiting]
        if not filled:
            return []
        history = [queue for queue in self._queues.values() if queue.in_history]
        wait_s = _history_wait_s(history, now)
        if wait_s <= 0 and not any(queue.waiting for queue in history):
            wait_s = self._live_wait_s(filled, now)
            if wait_s <= 0:
                return self._all(filled, now)
        elif wait_s <= 0:
            return self._in_order(filled, now)
        self._wait_s = wait_s
        return []

    def _live_wait_s(self, filled: list[_Queue[T]], now: float) -> float:
        """Seconds until the first live value is due; 0 where no host can send an earlier one."""
        if all(queue.ended for queue in self._queues.values()):
            return 0.0
        return min(queue.waiting[0][0] for queue in filled) + REORDER_S - now

    def _in_order(self, filled: list[_Queue[T]], now: float) -> list[T]:
        """Merge exactly, up to where the next value of a host in its history is not known yet."""
        heads = [(self._key(queue.waiting[0][1]), n) for n, queue in enumerate(filled)]
        heapq.heapify(heads)
        taken = []
        while heads:
            n = heads[0][1]
            queue = filled[n]
            taken.append(queue.waiting.popleft()[1])
            if queue.waiting:
                heapq.heapreplace(heads, (self._key(queue.waiting[0][1]), n))
                continue
            queue.empty_since_s = now
            if queue.in_history:
                break
            heapq.heappop(heads)
        return taken

    def _all(self, filled: list[_Queue[T]], now: float) -> list[T]:
        taken = [value for queue in filled for _, value in queue.waiting]
        for queue in filled:
            queue.waiting.clear()
            queue.empty_since_s = now
        return sorted(taken, key=self._key)


def _history_wait_s(history: list[_Queue[T]], now: float) -> float:
    """Seconds that a host may still take to send the next value of its history; 0 or less: no longer."""
    empty = (queue.empty_since_s + HISTORY_WAIT_S - now for queue in history if not queue.waiting)
    return max(empty, default=0.0)
