"""The capacity left on each host: CPUs, memory and host ports, over all projects of ours on it.

Projects of this run count with what they want, all others with what their containers reserved. Of
containers that are not ours only the ports count. A capacity that nobody declared or reported limits nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deploytool.core.placement.filter_reasons import FilterReason, amounts, lacking, most_allowed, port_taken
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
    """The schedule of another project of the same run, which counts instead of its containers."""

    project: Project
    desired: Desired


@dataclass(frozen=True, slots=True)
class Need:
    """The share of a host that one replica takes. CPUs in billionths, since 0.1 + 0.2 is not 0.3.

    ``owner`` is ``project/service``. A host may hold ``most`` of its replicas; 0 is no limit. ``filters`` are
    those of ``CAPACITY_FILTERS`` that have a say.
    """

    nano_cpus: int
    memory_bytes: int
    ports: tuple[Port, ...]
    owner: str
    most: int = 0
    filters: tuple[CapacityFilter, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Choose the filters once: they are asked for every host."""
        concerned = tuple(one for one in CAPACITY_FILTERS if one.concerns(self))
        object.__setattr__(self, "filters", concerned)

    @property
    def has_range(self) -> bool:
        """True where a port may be any of a range: such services come last, and take the ports left."""
        return any(port.first != port.last for port in self.ports)

    @classmethod
    def of(cls, project_name: str, service: Service) -> Need:
        ports = tuple(port for port in service.ports if port.mode == PortMode.HOST and port.first)
        reserve = service.reserve
        most = 1 if service.mode.is_global else service.max_per_host
        return cls(_nano(reserve.cpus), reserve.memory_bytes, ports, f"{project_name}/{service.name}", most)


class CapacityFilter(ABC):
    """A rule about what is left on a host.

    A new one is a class here and its place in ``CAPACITY_FILTERS``: it is then asked by the schedule, by
    rebalancing and by rollouts.
    """

    @abstractmethod
    def concerns(self, need: Need) -> bool:
        """False for a need that no host could be short of."""

    @abstractmethod
    def room(self, need: Need, ledger: Ledger, limit: int) -> int:
        """The number of further replicas that fit, at most ``limit``; below 0 where there are too many."""

    @abstractmethod
    def reason(self, need: Need, ledger: Ledger) -> FilterReason | None:
        """The reason for which one more replica does not fit; None where it does."""

    def shortage(self, need: Need, ledger: Ledger, replicas: int) -> str:
        """The reason for which ``replicas`` more do not fit during an update, as a predicate of the host."""
        reason = self.reason(need, ledger)
        return f"{reason.one}, beside the old ones" if reason else "has room for fewer"


class ReservedResources(CapacityFilter):
    """``deploy.resources.reservations``."""

    def concerns(self, need: Need) -> bool:
        return bool(need.nano_cpus or need.memory_bytes)

    def room(self, need: Need, ledger: Ledger, limit: int) -> int:
        if need.nano_cpus and ledger.cpus_left is not None:
            limit = min(limit, ledger.cpus_left // need.nano_cpus)
        if need.memory_bytes and ledger.memory_left is not None:
            limit = min(limit, ledger.memory_left // need.memory_bytes)
        return limit

    def reason(self, need: Need, ledger: Ledger) -> FilterReason | None:
        lacks_cpus = ledger.cpus_left is not None and 0 < need.nano_cpus > ledger.cpus_left
        lacks_memory = ledger.memory_left is not None and 0 < need.memory_bytes > ledger.memory_left
        if not (lacks_cpus or lacks_memory):
            return None
        lacks = Resources(need.nano_cpus / _NANO * lacks_cpus, need.memory_bytes * lacks_memory)
        left = Resources(
            max(0, ledger.cpus_left or 0) / _NANO * bool(lacks.cpus),
            max(0, ledger.memory_left or 0) * bool(lacks.memory_bytes),
        )
        return lacking(lacks, f"{amounts(left) or 'nothing'} left")


class HostPorts(CapacityFilter):
    """Published ports of the host."""

    def concerns(self, need: Need) -> bool:
        return bool(need.ports)

    def room(self, need: Need, ledger: Ledger, limit: int) -> int:
        return ledger.ports.room(need.ports, limit) if limit > 0 else limit

    def reason(self, need: Need, ledger: Ledger) -> FilterReason | None:
        if ledger.ports.room(need.ports, 1):
            return None
        blocked = (port for port in need.ports if not ledger.ports.room((port,), 1))
        port = next(blocked, need.ports[0])
        owner = ledger.ports.owner(HostPort(port.first, port.protocol, port.ip))
        return port_taken(port, owner or need.owner)


class MostPerHost(CapacityFilter):
    """``max_replicas_per_node``; one of a global service."""

    def concerns(self, need: Need) -> bool:
        return need.most > 0

    def room(self, need: Need, ledger: Ledger, limit: int) -> int:
        return min(limit, need.most - ledger.held(need))

    def reason(self, need: Need, ledger: Ledger) -> FilterReason | None:
        return most_allowed(need.most) if ledger.held(need) >= need.most else None

    def shortage(self, need: Need, ledger: Ledger, replicas: int) -> str:
        beside = ledger.held(need) + replicas
        return f"would hold {beside} replicas, more than max_replicas_per_node {need.most}"


CAPACITY_FILTERS: tuple[CapacityFilter, ...] = (ReservedResources(), HostPorts(), MostPerHost())


class Ledger:
    """One host's account. Mutable: a schedule in the making books on it.

    ``cpus_left`` (billionths) and ``memory_left`` (bytes) are None where nothing limits them. ``total``
    counts the containers of ours on the host.
    """

    __slots__ = ("_held", "_own", "cpus_left", "memory_left", "ports", "total")

    def __init__(self, host: Host, observed: ObservedHost, in_run: Collection[str]) -> None:
        cpus = observed.facts.cpus if host.cpus is None else host.cpus
        memory = observed.facts.memory_bytes if host.memory_bytes is None else host.memory_bytes
        self.cpus_left = _nano(cpus) or None
        self.memory_left = memory or None
        self.ports = PortBook()
        self._held: dict[str, int] = {}
        self._own: dict[str, list[HostPort]] = {}
        self.total = 0
        for container in observed.containers:
            self._enter(container, in_run)

    def room(self, need: Need, limit: int) -> int:
        """The number of further replicas that fit, at most ``limit``."""
        for one in need.filters:
            limit = one.room(need, self, limit)
        return max(0, limit)

    def reason(self, need: Need) -> FilterReason | None:
        """The reason for which one more replica does not fit; None where it does."""
        reasons = (one.reason(need, self) for one in need.filters)
        return next((reason for reason in reasons if reason), None)

    def shortage(self, need: Need, replicas: int) -> str:
        """As of a filter, of the first that has too little room; empty where all have enough."""
        short = (one for one in need.filters if one.room(need, self, replicas) < replicas)
        return next((one.shortage(need, self, replicas) for one in short), "")

    def held(self, need: Need) -> int:
        """The number of replicas of the same service that are counted in."""
        return self._held.get(need.owner, 0)

    def hold(self, need: Need, replicas: int) -> None:
        """Count in that ``replicas`` are here; what they take is counted otherwise."""
        self._held[need.owner] = self.held(need) + replicas

    def book(self, need: Need, replicas: int) -> None:
        """Count ``replicas`` in, with what they take."""
        self.hold(need, replicas)
        self.take(need, replicas)

    def take(self, need: Need, replicas: int) -> None:
        """Count in what ``replicas`` take. Of a range of ports, first those that their containers hold."""
        self._reserve(need.nano_cpus * replicas, need.memory_bytes * replicas)
        if need.ports and replicas:
            for ports in self.ports.pick(need.ports, replicas, self._own.get(need.owner, ())):
                self.ports.take(ports, need.owner)

    def _enter(self, container: Container, in_run: Collection[str]) -> None:
        replica_in_run = container.replica and container.project in in_run
        if replica_in_run:
            if container.ports:
                self._own.setdefault(f"{container.project}/{container.service}", []).extend(container.ports)
            return
        if holds_ports(container):
            self.ports.take(container.ports, container.name)
        if container.ours:
            self.total += 1
            self._reserve(_nano(container.reserve.cpus), container.reserve.memory_bytes)

    def _reserve(self, nano_cpus: int, memory_bytes: int) -> None:
        if self.cpus_left is not None:
            self.cpus_left -= nano_cpus
        if self.memory_left is not None:
            self.memory_left -= memory_bytes


def holds_ports(container: Container) -> bool:
    """True where its host ports count as taken: always for our own, since they may be started again."""
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
