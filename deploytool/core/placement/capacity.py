"""What each host has left: CPUs, memory and host ports, over all projects of ours on it.

Projects of this run count with what they want, all others with what their containers reserved. Of
containers that are not ours only the ports count. A capacity that nobody declared or reported limits nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from deploytool.core.placement.filter_reasons import FilterReason, amounts, lacking, port_taken
from deploytool.core.placement.ports import PortBook
from deploytool.model.container import Container, ContainerState, HostPort
from deploytool.model.desired import Desired
from deploytool.model.intent import Port, PortMode, Project, Resources, Service
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, ObservedHost

_HOLDS_PORTS = (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING)
_NANO = 10**9


@dataclass(frozen=True, slots=True)
class Claim:
    """What another project of the same run wants, and where: this counts instead of its containers."""

    project: Project
    desired: Desired


@dataclass(frozen=True, slots=True)
class Need:
    """What one replica takes of a host. CPUs in billionths, since 0.1 + 0.2 is not 0.3."""

    nano_cpus: int
    memory_bytes: int
    ports: tuple[Port, ...]
    owner: str

    @property
    def has_range(self) -> bool:
        """Whether a port is a choice: then those without one go first, and it takes what they leave."""
        return any(port.first != port.last for port in self.ports)

    @classmethod
    def of(cls, project_name: str, service: Service) -> Need:
        ports = tuple(port for port in service.ports if port.mode == PortMode.HOST and port.first)
        reserve = service.reserve
        return cls(_nano(reserve.cpus), reserve.memory_bytes, ports, f"{project_name}/{service.name}")


class Ledger:
    """One host's account. Mutable: a schedule in the making books on it.

    ``total`` counts the containers of ours on the host.
    """

    __slots__ = ("_cpus_left", "_memory_left", "_own", "_ports", "total")

    def __init__(self, host: Host, observed: ObservedHost, in_run: Collection[str]) -> None:
        cpus = observed.facts.cpus if host.cpus is None else host.cpus
        memory = observed.facts.memory_bytes if host.memory_bytes is None else host.memory_bytes
        self._cpus_left = _nano(cpus) or None
        self._memory_left = memory or None
        self._ports = PortBook()
        self._own: dict[str, list[HostPort]] = {}
        self.total = 0
        for container in observed.containers:
            self._enter(container, in_run)

    def room(self, need: Need, limit: int) -> int:
        """How many more replicas fit, at most ``limit``."""
        if need.nano_cpus and self._cpus_left is not None:
            limit = min(limit, self._cpus_left // need.nano_cpus)
        if need.memory_bytes and self._memory_left is not None:
            limit = min(limit, self._memory_left // need.memory_bytes)
        if limit > 0 and need.ports:
            limit = self._ports.room(need.ports, limit)
        return max(0, limit)

    def refusal(self, need: Need) -> FilterReason | None:
        """Why one more replica does not fit; None where it does."""
        lacks_cpus = self._cpus_left is not None and 0 < need.nano_cpus > self._cpus_left
        lacks_memory = self._memory_left is not None and 0 < need.memory_bytes > self._memory_left
        if lacks_cpus or lacks_memory:
            lacks = Resources(need.nano_cpus / _NANO * lacks_cpus, need.memory_bytes * lacks_memory)
            return lacking(lacks, self._left(lacks))
        if need.ports and not self._ports.room(need.ports, 1):
            return self._taken_port(need)
        return None

    def book(self, need: Need, replicas: int) -> None:
        """Count ``replicas`` in. Of a range of ports they take those first that their containers hold."""
        if self._cpus_left is not None:
            self._cpus_left -= need.nano_cpus * replicas
        if self._memory_left is not None:
            self._memory_left -= need.memory_bytes * replicas
        if need.ports and replicas:
            for ports in self._ports.pick(need.ports, replicas, self._own.get(need.owner, ())):
                self._ports.take(ports, need.owner)

    def _enter(self, container: Container, in_run: Collection[str]) -> None:
        replica_in_run = container.replica and container.project in in_run
        if replica_in_run:
            if container.ports:
                self._own.setdefault(f"{container.project}/{container.service}", []).extend(container.ports)
            return
        if holds_ports(container):
            self._ports.take(container.ports, container.name)
        if container.ours:
            self.total += 1
            reserve = container.reserve
            self.book(Need(_nano(reserve.cpus), reserve.memory_bytes, (), ""), 1)

    def _left(self, lacks: Resources) -> str:
        left = Resources(
            max(0, self._cpus_left or 0) / _NANO * bool(lacks.cpus),
            max(0, self._memory_left or 0) * bool(lacks.memory_bytes),
        )
        return f"{amounts(left) or 'nothing'} left"

    def _taken_port(self, need: Need) -> FilterReason:
        blocked = (port for port in need.ports if not self._ports.room((port,), 1))
        port = next(blocked, need.ports[0])
        owner = self._ports.owner(HostPort(port.first, port.protocol, port.ip))
        return port_taken(port, owner or need.owner)


def holds_ports(container: Container) -> bool:
    """Whether its host ports count as taken: one of ours may be started again, so they always do."""
    return container.ours or container.state in _HOLDS_PORTS


def ledgers(
    hosts: Iterable[Host], observed: Observed, project_name: str, claims: Sequence[Claim]
) -> dict[str, Ledger]:
    """An account for each host that answered, by name, with everything on it but ``project_name`` itself."""
    in_run = {project_name, *(claim.project.name for claim in claims)}
    books: dict[str, Ledger] = {}
    for host in hosts:
        seen = observed.answered().get(host.name)
        if seen:
            books[host.name] = Ledger(host, seen, in_run)
    for claim in claims:
        _enter_claim(claim, books)
    return books


def _enter_claim(claim: Claim, books: Mapping[str, Ledger]) -> None:
    services = {service.name: service for service in claim.project.services}
    needs = {name: Need.of(claim.project.name, service) for name, service in services.items()}
    for (service_name, host_name), count in sorted(claim.desired.counts.items()):
        if count and host_name in books and service_name in needs:
            books[host_name].book(needs[service_name], count)
            books[host_name].total += count


def _nano(cpus: float) -> int:
    return round(cpus * _NANO)
