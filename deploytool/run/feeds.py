"""Feeds of many hosts at once, each read by a thread of its own. A host that fails costs only itself."""

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
class Told(Generic[T]):
    """A value, and the host that told it."""

    host: str
    value: T


class Following(Generic[T]):
    """The feeds of all ``hosts``, as one sequence of ``Told`` in the order of ``key``. Close it when done.

    ``open_feed`` gets a host's name and the last value that it told, None at first; with ``again`` it is
    called once more after each loss. ``is_live`` knows the values that only say that all from before has
    been told; None where nothing is from before. ``said`` hears of each loss, and with None of each return;
    any thread calls it.
    """

    def __init__(
        self,
        hosts: Iterable[str],
        open_feed: Callable[[str, T | None], Feed[T]],
        key: Callable[[T], tuple[str, float]],
        said: Callable[[str, Unreachable | None], None],
        *,
        is_live: Callable[[T], bool] | None = None,
        again: bool = False,
    ) -> None:
        self._hosts = tuple(hosts)
        self._open = open_feed
        self._said = said
        self._is_live = is_live or (lambda value: False)
        self._again = again
        self._stop = threading.Event()
        self._feeds: dict[str, Feed[T]] = {}
        self._merge: LogMerge[Told[T]] = LogMerge(
            self._hosts, lambda told: key(told.value), live=is_live is None
        )
        self.lost: dict[str, Unreachable] = {}

    def __enter__(self) -> Following[T]:
        for host in self._hosts:
            # Daemons: nobody who wants to end waits for a host that takes its time.
            threading.Thread(target=self._follow, args=(host,), name=f"follow {host}", daemon=True).start()
        return self

    def __iter__(self) -> Iterator[Told[T]]:
        return iter(self._merge)

    def batches(self) -> Iterator[list[Told[T]]]:
        """The same, all at once of what may be told at one time."""
        return self._merge.batches()

    def __exit__(self, *ignored: object) -> None:
        self._stop.set()
        self._merge.close()
        for feed in tuple(self._feeds.values()):
            feed.close()

    def _follow(self, host: str) -> None:
        """Until the feed ends, the host cannot be used, or nobody wants any more."""
        last: T | None = None
        failures = 0
        try:
            while not self._stop.is_set():
                try:
                    for value in self._opened(host, last):
                        failures = self._returned(host)
                        last = self._told(host, value, last)
                    return
                except HostUnreachable as error:
                    if not self._lose(host, error):
                        return
                    self._stop.wait(RETRY_S[min(failures, len(RETRY_S) - 1)])
                    failures += 1
        finally:
            self._merge.over(host)

    def _opened(self, host: str, last: T | None) -> Feed[T]:
        feed = self._feeds[host] = self._open(host, last)
        if self._stop.is_set():  # it was opened while the others were closed
            feed.close()
        return feed

    def _told(self, host: str, value: T, last: T | None) -> T | None:
        if self._is_live(value):
            self._merge.live(host)
            return last
        self._merge.put(host, Told(host, value))
        return value

    def _returned(self, host: str) -> int:
        if self.lost.pop(host, None):
            self._said(host, None)
        return 0

    def _lose(self, host: str, error: HostUnreachable) -> bool:
        """Whether to try again."""
        if self._stop.is_set():
            return False
        lost = Unreachable(error.message, error.hint, error.setup)
        if host not in self.lost:
            self._said(host, lost)
        self.lost[host] = lost
        self._merge.live(host)  # the others do not wait for what it may have to tell of before
        return self._again and not error.setup
