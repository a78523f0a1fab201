"""The last known state of a watcher's hosts: follows their events, looks at due hosts, keeps the results.

Used by one thread, the watcher's. Looks and feeds run in others, and post their results to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from deploytool.backend.base import Backend
from deploytool.core.watch.lost_hosts import Away
from deploytool.core.watch.resync import HostWatch
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from deploytool.watch.event_listener import EventListener

Post = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class View:
    """The state of a host at ``as_of_s``. ``last`` is the state when it last answered."""

    seen: ObservedHost | Unreachable
    as_of_s: float
    last: ObservedHost | None = None


class HostCache:
    """The views of all watched hosts, and the schedule of the looks at them.

    ``seen(host, before, now)`` is called after a look at a host, with its view until then; ``stirred(host)``
    for each of its events. ``start`` runs a function in another thread, ``post`` in the watcher's.
    ``moved`` is set when a view changes; the watcher resets it.
    """

    def __init__(
        self,
        backend: Backend,
        start: Callable[[Callable[[], None]], object],
        post: Post,
        clock: Callable[[], float],
        seen: Callable[[str, View | None, ObservedHost | Unreachable], None],
        stirred: Callable[[str], None],
    ) -> None:
        self.hosts: dict[str, Host] = {}
        self.views: dict[str, View] = {}
        self.watches: dict[str, HostWatch] = {}
        self.moved = True
        self._backend, self._start, self._post, self._clock = backend, start, post, clock
        self._on_seen, self._on_stirred = seen, stirred
        self.events = EventListener(
            backend,
            begun=lambda host: post(lambda: self.stirred(host)),
            received=lambda host, event: post(lambda: self.stirred(host)),
            ended=lambda host, reason: post(lambda: self._feed_ended(host, reason)),
        )

    @property
    def ready(self) -> bool:
        """True once each host has been looked at, or did not answer."""
        return self.watches.keys() <= self.views.keys()

    @property
    def seen(self) -> Observed:
        """The state of the hosts as far as it is known."""
        return Observed({name: view.seen for name, view in self.views.items()})

    def away(self, now_s: float) -> dict[str, Away]:
        """The silent hosts, each with the time of its silence."""
        return {
            name: Away(now_s - since_s, view.seen.setup)
            for name, view in self.views.items()
            if isinstance(view.seen, Unreachable) and (since_s := self.watches[name].silent_s) is not None
        }

    def follow(self, hosts: Mapping[str, Host]) -> None:
        """Watch these hosts and no others. A host whose connection settings changed is connected again."""
        self.hosts = dict(hosts)
        for name in self._backend.differing(hosts):
            self.events.forget(name)
            self._start(self._backend.drop(name))
            self._remove(name)
        for name in self.watches.keys() - hosts.keys():
            self._remove(name)
        for name in hosts:
            self.watches.setdefault(name, HostWatch())

    def dues(self, resync_s: float) -> Iterator[float | None]:
        """The time at which each host is to be looked at; None while it is busy."""
        return (watch.due_s(resync_s) for watch in self.watches.values())

    def look(self, now_s: float, resync_s: float) -> None:
        """Start all looks that are due."""
        for name, due_s in [(name, watch.due_s(resync_s)) for name, watch in self.watches.items()]:
            if due_s is not None and now_s >= due_s:
                self._begin_look(name)

    def take_in(self, name: str, seen: ObservedHost | Unreachable) -> None:
        """Store the state that a look or a change saw of a host."""
        now_s, before = self._clock(), self.views.get(name)
        self._on_seen(name, before, seen)
        watch = self.watches[name]
        answers = isinstance(seen, ObservedHost)
        self.watches[name] = watch.answered(now_s) if answers else watch.fell_silent(now_s)
        last = before.last if before else None
        self.views[name] = View(seen, now_s, seen if isinstance(seen, ObservedHost) else last)
        self.moved = True

    def changed(self, names: Iterable[str], seen: Observed) -> None:
        """Store the last state that a change of these hosts has seen, which is that after its last step.

        Each is looked at once more, since something may have happened there while the change went on on other
        hosts. A look that is running is not enough: it may have started before the change ended.
        """
        for name in sorted(self.watches.keys() & set(names)):
            busy = self.watches[name].busy
            if name in seen:
                self.take_in(name, seen[name])
            self.watches[name] = replace(self.watches[name].stirred(self._clock()), busy=busy)

    def stirred(self, name: str) -> None:
        """Plan a look at a host after an event there, or after its feed was opened."""
        if name in self.watches:
            self._on_stirred(name)
            self.watches[name] = self.watches[name].stirred(self._clock())

    def look_in(self, name: str, seconds: float) -> None:
        """Plan a look at a host after so many seconds, whether or not there are events."""
        if name in self.watches:
            self.watches[name] = self.watches[name].stirred(self._clock() + seconds)

    def _remove(self, name: str) -> None:
        self.views.pop(name, None)
        self.watches.pop(name, None)

    def _begin_look(self, name: str) -> None:
        begun_s, host = self._clock(), self.hosts[name]
        self.watches[name] = self.watches[name].looking()
        self._backend.reach([host])

        def work() -> None:
            try:
                seen = self._backend.observe({name: host})[name]
            except Exception as error:  # the state of one host must not end the watch over all others
                seen = Unreachable(f"this is a bug in deploytool: {error!r}")
            self._post(lambda: self._looked(name, begun_s, seen))

        self._start(work)

    def _looked(self, name: str, begun_s: float, seen: ObservedHost | Unreachable) -> None:
        if name not in self.watches:
            return  # it was removed from the files
        before = self.views.get(name)
        if before and begun_s < before.as_of_s:  # a change has ended since: this look may be older
            self.watches[name] = self.watches[name].answered(self._clock()).stirred(self._clock())
            return
        self.take_in(name, seen)
        self._listen(name)

    def _listen(self, name: str) -> None:
        watch, now_s = self.watches[name], self._clock()
        if name in self.events or watch.silent_s is not None or not watch.may_listen(now_s):
            return
        self.watches[name] = watch.listening(now_s)
        self.events.listen(name)

    def _feed_ended(self, name: str, reason: str) -> None:
        """Treat a host whose feed ended as unreachable until it answers a look."""
        known = self.views.get(name)
        if known is None or name not in self.watches or not isinstance(known.seen, ObservedHost):
            return
        self.views[name] = replace(known, seen=Unreachable(reason))
        self.watches[name] = self.watches[name].suspect(self._clock())
        self.moved = True
