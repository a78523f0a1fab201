"""Receives the events of hosts: one thread for each feed, which ends with its feed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from deploytool.backend.base import Backend, Feed
from deploytool.errors import HostUnreachable
from deploytool.model.container import ContainerEvent


class EventListener:
    """The feeds of events by host.

    The three functions are called from the feeds' threads: ``begun(host)`` once all later events will arrive,
    ``received(host, event)`` for each event, ``ended(host, reason)`` once at the end of the feed.
    """

    def __init__(
        self,
        backend: Backend,
        begun: Callable[[str], None],
        received: Callable[[str, ContainerEvent], None],
        ended: Callable[[str, str], None],
    ) -> None:
        self._backend, self._begun, self._received, self._ended = backend, begun, received, ended
        self._lock = threading.Lock()
        self._feeds: dict[str, Feed[ContainerEvent] | None] = {}
        self._closed = False

    def __contains__(self, host_name: str) -> bool:
        """True if the host's feed is open, or being opened."""
        return host_name in self._feeds

    @property
    def followed(self) -> frozenset[str]:
        """The hosts whose events arrive."""
        return frozenset(host for host, feed in self._feeds.copy().items() if feed is not None)

    def listen(self, host_name: str) -> None:
        """Open the feed of a host, unless it is open."""
        with self._lock:
            if self._closed or host_name in self._feeds:
                return
            self._feeds[host_name] = None
        name = f"events {host_name}"
        threading.Thread(target=self._follow, args=(host_name,), name=name, daemon=True).start()

    def forget(self, host_name: str) -> None:
        """Close the feed of a host."""
        feed = self._feeds.get(host_name)
        if feed is not None:
            feed.close()

    def close(self) -> None:
        """Close all feeds, for good."""
        with self._lock:
            self._closed = True
            feeds = list(self._feeds.values())
        for feed in feeds:
            if feed is not None:
                feed.close()

    def _follow(self, host_name: str) -> None:
        reason = "its events ended"
        try:
            feed = self._backend.events(host_name)
            with self._lock:
                self._feeds[host_name] = feed
                if self._closed:
                    feed.close()
            self._begun(host_name)
            for event in feed:
                self._received(host_name, event)
        except HostUnreachable as error:
            reason = error.message
        finally:
            feed_left = self._feeds.pop(host_name, None)
            if feed_left is not None:
                with suppress(HostUnreachable):
                    feed_left.close()
            self._ended(host_name, reason)
