"""The ports of one host, with the owners of those that are taken.

With a range, each replica takes one free port of it, the lowest first, as Docker does. Addresses that
mean "all" clash with every other; other addresses clash only with themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from deploytool.model.container import HostPort
from deploytool.model.intent import Port

_ALL_ADDRESSES = frozenset({"", "0.0.0.0", "::", "*"})  # noqa: S104 - compared with, nothing listens


class PortBook:
    """The ports of one host that something holds. Mutable: a schedule in the making writes in it."""

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: dict[tuple[str, int], list[tuple[str, str]]] = {}

    def take(self, ports: Iterable[HostPort], owner: str) -> None:
        """Note that ``owner`` holds ``ports``."""
        for port in ports:
            self._taken.setdefault((port.protocol, port.port), []).append((port.ip, owner))

    def owner(self, port: HostPort) -> str | None:
        """The holder of a port that clashes with ``port``; None where it is free."""
        held = self._taken.get((port.protocol, port.port), ())
        return next((owner for ip, owner in held if _clash(ip, port.ip)), None)

    def room(self, ports: Sequence[Port], limit: int) -> int:
        """For how many replicas that each need all of ``ports`` there are free ones, at most ``limit``."""
        if _compete(ports):
            return len(self.pick(ports, limit))
        return min(limit, *(self._count_free(port) for port in ports))

    def pick(
        self, ports: Sequence[Port], limit: int, prefer: Sequence[HostPort] = ()
    ) -> list[list[HostPort]]:
        """Free ports for up to ``limit`` replicas that each need all of ``ports``: a list a replica.

        ``prefer`` are the ports that its own containers hold already: they come first.
        """
        supplies = [self._free(port, prefer) for port in ports]
        picked: list[list[HostPort]] = []
        used = PortBook()
        while len(picked) < limit:
            replica: list[HostPort] = []
            for supply in supplies:
                port = next((candidate for candidate in supply if used.owner(candidate) is None), None)
                if port is None:
                    return picked
                used.take((port,), "")
                replica.append(port)
            picked.append(replica)
        return picked

    def _count_free(self, port: Port) -> int:
        """Counts what is taken, since ranges are wide and hosts hold few ports."""
        taken = (
            any(_clash(ip, port.ip) for ip, _ in held)
            for (protocol, number), held in self._taken.items()
            if protocol == port.protocol and port.first <= number <= port.last
        )
        return port.last - port.first + 1 - sum(taken)

    def _free(self, port: Port, prefer: Sequence[HostPort]) -> Iterator[HostPort]:
        own = {p.port for p in prefer if p.protocol == port.protocol and port.first <= p.port <= port.last}
        rest = (number for number in range(port.first, port.last + 1) if number not in own)
        for numbers in (sorted(own), rest):
            for number in numbers:
                candidate = HostPort(number, port.protocol, port.ip)
                if self.owner(candidate) is None:
                    yield candidate


def _clash(one: str, other: str) -> bool:
    return one == other or one in _ALL_ADDRESSES or other in _ALL_ADDRESSES


def overlap(one: Port, other: Port) -> bool:
    """True where two published ports may be the same port of the host, whatever their addresses."""
    return one.protocol == other.protocol and one.first <= other.last and other.first <= one.last


def _compete(ports: Sequence[Port]) -> bool:
    """True where two ports of one replica may need the same port of the host."""
    return any(overlap(one, other) for index, one in enumerate(ports) for other in ports[:index])


def any_held(held: Sequence[HostPort], wanted: Iterable[Port]) -> bool:
    """True if one of the held ports clashes with one that is wanted."""
    book = PortBook()
    book.take(held, "held")
    return any(
        book.owner(HostPort(one.port, port.protocol, port.ip))
        for port in wanted
        for one in held
        if port.first <= one.port <= port.last
    )
