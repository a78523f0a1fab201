"""Hears what happens on hosts: one thread for each feed of events, which ends with its feed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from deploytool.backend.base import Backend, Feed
from deploytool.errors import HostUnreachable
from deploytool.model.container import ContainerEvent


class EventListener:
    """Feeds by host. All three functions are called from threads: ``begun(host)`` when nothing can be missed
    any more, ``stirred(host, event)`` for each event, ``ended(host, reason)`` once, whatever ended it.
    """

    def __init__(
        self,
        backend: Backend,
        begun: Callable[[str], None],
        stirred: Callable[[str, ContainerEvent], None],
        ended: Callable[[str, str], None],
    ) -> None:
        self._backend, self._begun, self._stirred, self._ended = backend, begun, stirred, ended
        self._lock = threading.Lock()
        self._feeds: dict[str, Feed[ContainerEvent] | None] = {}
        self._closed = False

    def __contains__(self, host_name: str) -> bool:
        """Whether a host is heard, or about to be."""
        return host_name in self._feeds

    @property
    def heard(self) -> frozenset[str]:
        """The hosts whose events arrive."""
        return frozenset(host for host, feed in self._feeds.copy().items() if feed is not None)

    def listen(self, host_name: str) -> None:
        """Begin to hear a host that is not heard yet."""
        with self._lock:
            if self._closed or host_name in self._feeds:
                return
            self._feeds[host_name] = None
        name = f"events {host_name}"
        threading.Thread(target=self._hear, args=(host_name,), name=name, daemon=True).start()

    def forget(self, host_name: str) -> None:
        """Stop hearing a host."""
        feed = self._feeds.get(host_name)
        if feed is not None:
            feed.close()

    def close(self) -> None:
        """Stop hearing all of them."""
        with self._lock:
            self._closed = True
            feeds = list(self._feeds.values())
        for feed in feeds:
            if feed is not None:
                feed.close()

    def _hear(self, host_name: str) -> None:
        reason = "its events ended"
        try:
            feed = self._backend.events(host_name)
            with self._lock:
                self._feeds[host_name] = feed
                if self._closed:
                    feed.close()
            self._begun(host_name)
            for event in feed:
                self._stirred(host_name, event)
        except HostUnreachable as error:
            reason = error.message
        finally:
            feed_left = self._feeds.pop(host_name, None)
            if feed_left is not None:
                with suppress(HostUnreachable):
                    feed_left.close()
            self._ended(host_name, reason)
