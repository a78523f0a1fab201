"""The same work on many hosts at once. A host that fails costs its own time, and nobody else's."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from deploytool.backend.base import Engine
from deploytool.errors import HostUnreachable
from deploytool.model.event import Event, HostLooked, Looking
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, ObservedHost, Unreachable

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Engines:
    """One engine a host for the whole run, made when it is first needed."""

    def __init__(self, make: Callable[[Host], Engine]) -> None:
        self._make = make
        self._engines: dict[str, Engine] = {}
        self._hosts: dict[str, Host] = {}

    def of(self, host: Host) -> Engine:
        if host.name not in self._engines:
            self._engines[host.name] = self._make(host)
            self._hosts[host.name] = host
        return self._engines[host.name]

    def named(self, host_name: str) -> Engine:
        """The engine of a host that was looked at in this run."""
        return self._engines[host_name]

    def differing(self, hosts: Mapping[str, Host]) -> list[str]:
        """The hosts of engines that were made otherwise than ``hosts`` says, or are not among them."""

        def reached(host: Host | None) -> object:
            return host and (host.connection, host.directory)

        return [name for name, made in self._hosts.items() if reached(made) != reached(hosts.get(name))]

    def drop(self, host_name: str) -> Engine:
        """Forget an engine; the next one for its host is made anew. The caller closes it."""
        del self._hosts[host_name]
        return self._engines.pop(host_name)

    def close(self, forks: int) -> None:
        """Give all connections back, side by side: a dead one may take its time."""
        each(self._engines, lambda name: self._engines[name].close(), forks)
        self._engines.clear()


def each(names: Iterable[K], work: Callable[[K], T], forks: int) -> dict[K, T]:
    """``work`` for every name, ``forks`` at a time; results by name, in the order given."""
    ordered = list(names)
    if not ordered:
        return {}
    pool = ThreadPoolExecutor(min(forks, len(ordered)), thread_name_prefix="host")
    try:
        return dict(zip(ordered, pool.map(work, ordered), strict=True))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # an interrupt does not wait for slow hosts


def look(hosts: Mapping[str, Host], engines: Engines, emit: Callable[[Event], None], forks: int) -> Observed:
    """Observe every host, side by side. What a host could not say is a value, not an exception."""
    for host in hosts.values():
        engines.of(host)
    if hosts:
        emit(Looking(tuple(hosts)))

    def one(name: str) -> ObservedHost | Unreachable:
        begun = time.monotonic()
        seen = observe(engines.named(name))
        seconds = time.monotonic() - begun
        if isinstance(seen, Unreachable):
            emit(HostLooked(name, seconds, seen.reason, seen.hint, seen.setup))
        else:
            emit(HostLooked(name, seconds))
        return seen

    return Observed(each(hosts, one, forks))


def observe(engine: Engine) -> ObservedHost | Unreachable:
    """One host's state, or why it could not be had."""
    try:
        return engine.observe()
    except HostUnreachable as error:
        return Unreachable(error.message, error.hint, error.setup)
