"""The feeds of many hosts, each read by a thread of its own. The failure of one leaves the others alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from deploytool.backend.base import Feed
from deploytool.errors import HostUnreachable
from deploytool.model.observed import Unreachable
from deploytool.run.log_merge import LogMerge

T = TypeVar("T")

RETRY_S = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class HostValue(Generic[T]):
    """A value of a feed, and the host that it comes from."""

    host: str
    value: T


class Following(Generic[T]):
    """The feeds of all ``hosts`` as one sequence of ``HostValue``, sorted by ``key``. A context manager.

    ``open_feed`` gets a host's name and the last value from there, None at first; with ``again`` it is
    called once more after each loss. ``is_live`` is true for a value that only marks the end of the history;
    None where the feeds have no history. ``on_change`` is called with the reason when a host is lost, and
    with None when it is back; from any thread.
    """

    def __init__(
        self,
        hosts: Iterable[str],
        open_feed: Callable[[str, T | None], Feed[T]],
        key: Callable[[T], tuple[str, float]],
        on_change: Callable[[str, Unreachable | None], None],
        *,
        is_live: Callable[[T], bool] | None = None,
        again: bool = False,
    ) -> None:
        self._hosts = tuple(hosts)
        self._open = open_feed
        self._on_change = on_change
        self._is_live = is_live or (lambda value: False)
        self._again = again
        self._stop = threading.Event()
        self._feeds: dict[str, Feed[T]] = {}
        self._merge: LogMerge[HostValue[T]] = LogMerge(
            self._hosts, lambda found: key(found.value), live=is_live is None
        )
        self.lost: dict[str, Unreachable] = {}

    def __enter__(self) -> Following[T]:
        for host in self._hosts:
            # Daemons: the program can end while a host is still being connected.
            threading.Thread(target=self._follow, args=(host,), name=f"follow {host}", daemon=True).start()
        return self

    def __iter__(self) -> Iterator[HostValue[T]]:
        return iter(self._merge)

    def batches(self) -> Iterator[list[HostValue[T]]]:
        """As ``LogMerge.batches``."""
        return self._merge.batches()

    def __exit__(self, *ignored: object) -> None:
        self._stop.set()
        self._merge.close()
        for feed in tuple(self._feeds.values()):
            feed.close()

    def _follow(self, host: str) -> None:
        """Read a host's feed until it ends, the host cannot be used, or ``__exit__``."""
        last: T | None = None
        failures = 0
        try:
            while not self._stop.is_set():
                try:
                    for value in self._opened(host, last):
                        failures = self._returned(host)
                        last = self._put(host, value, last)
                    return
                except HostUnreachable as error:
                    if not self._lose(host, error):
                        return
                    self._stop.wait(RETRY_S[min(failures, len(RETRY_S) - 1)])
                    failures += 1
        finally:
            self._merge.end(host)

    def _opened(self, host: str, last: T | None) -> Feed[T]:
        feed = self._feeds[host] = self._open(host, last)
        if self._stop.is_set():  # it was opened while ``__exit__`` closed the others
            feed.close()
        return feed

    def _put(self, host: str, value: T, last: T | None) -> T | None:
        """Add a value to the merge; returns the last value of the host."""
        if self._is_live(value):
            self._merge.end_history(host)
            return last
        self._merge.put(host, HostValue(host, value))
        return value

    def _returned(self, host: str) -> int:
        """Report that the host is back, if it was lost; returns its number of failures in a row, 0."""
        if self.lost.pop(host, None):
            self._on_change(host, None)
        return 0

    def _lose(self, host: str, error: HostUnreachable) -> bool:
        """Report a loss once; true if the host is to be tried again."""
        if self._stop.is_set():
            return False
        lost = Unreachable(error.message, error.hint, error.setup)
        if host not in self.lost:
            self._on_change(host, lost)
        self.lost[host] = lost
        self._merge.end_history(host)  # the other hosts do not wait for the history of a lost one
        return self._again and not error.setup
