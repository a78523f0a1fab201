"""The two passes over the services: first what runs is kept where it may stay, then the rest is placed.

All is kept before anything is placed, so that no service's new replica pushes out another's old one. What
comes out is an ``Allotment`` for each service; ``schedule`` makes the schedule and the errors of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deploytool.core.placement.capacity import Claim, Need, ledgers
from deploytool.core.placement.filter_reasons import FilterReason, most_allowed
from deploytool.core.placement.filters import Filters
from deploytool.core.placement.placements import Placement, has_data, placements_of
from deploytool.core.placement.spread import Leaf, Leaves, add, remove
from deploytool.model.intent import Project, Service
from deploytool.model.observed import Observed


@dataclass(slots=True)
class Allotment:
    """The allocation of one service: host → replicas.

    ``stuck`` replicas would have to leave their data, which is on the hosts in ``refused_data``; ``missing``
    ones found no host that takes them: of a global service, on the hosts in ``full``. ``found`` is how many
    containers of ours a chosen host had before.
    """

    service: Service
    need: Need
    held: Placement
    kept: dict[str, int] = field(default_factory=dict)
    placed: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    refused_data: dict[str, FilterReason] = field(default_factory=dict)
    full: list[str] = field(default_factory=list)
    stuck: int = 0
    missing: int = 0

    @property
    def wanted(self) -> int:
        """All replicas; of a global service, as many as there are hosts that should have one."""
        if self.service.mode.is_global:
            return sum(self.kept.values()) + sum(self.placed.values()) + self.missing
        return self.service.replicas

    def count(self, host_name: str) -> int:
        return self.kept.get(host_name, 0) + self.placed.get(host_name, 0)


class Allocator:
    """The schedule of one project in the making. ``allotments`` are by service, sorted by name."""

    def __init__(
        self,
        project: Project,
        observed: Observed,
        claims: Sequence[Claim],
        *,
        lost: frozenset[str],
        move_volumes: frozenset[str],
        doubtful: frozenset[str],
    ) -> None:
        self.hosts = {host.name: host for host in sorted(project.hosts, key=lambda host: host.name)}
        self.names = list(self.hosts)
        self._ranks = {name: rank for rank, name in enumerate(self.names)}
        self._lost = lost
        self._move_volumes = move_volumes
        self._doubtful = doubtful
        self._filters = Filters(self.hosts, observed)
        self._ledgers = ledgers(self.hosts.values(), observed, project.name, claims)
        held = placements_of(project, observed)
        services = sorted(project.services, key=lambda service: service.name)
        self.allotments = {s.name: Allotment(s, Need.of(project.name, s), held[s.name]) for s in services}
        for allotment in self.allotments.values():
            self._count_in(allotment.held.count)
        for allotment in sorted(self.allotments.values(), key=self._keep_order):
            self._keep(allotment)
        incomplete = [a for a in self.allotments.values() if a.service.mode.is_global or self._short(a)]
        for allotment in sorted(incomplete, key=self._place_order):
            self._place(allotment)

    def qualified(self, allotment: Allotment) -> Sequence[str]:
        """The hosts that may receive a replica, whatever else runs there, sorted by name."""
        return self._filters.qualified(allotment.service)

    def answers(self, host_name: str) -> bool:
        """True for a host that answered."""
        return self._filters.reachable(host_name)

    def move(self, allotment: Allotment, source: str, target: str) -> None:
        """Let one replica change places. What it takes at its source counts until the plan is done."""
        self._book(allotment, {target: 1})
        self._count_in({source: -1, target: 1})
        allotment.kept[source] -= 1
        allotment.placed[target] = allotment.placed.get(target, 0) + 1

    def total(self, host_name: str) -> int:
        """The number of our containers that a host which answered has in the end."""
        return self._ledgers[host_name].total

    def branches(self, allotment: Allotment, host_name: str) -> tuple[str, ...]:
        """The host's branch at each level of the service's spread tree."""
        return self._filters.branches(allotment.service, host_name)

    def filter_reason(self, allotment: Allotment, host_name: str) -> FilterReason | None:
        """The reason for which the host takes no further replica, as decided so far; None if it does."""
        reason = self._filters.may_not_join(allotment.service, host_name)
        ledger = self._ledgers.get(host_name)
        if reason is None and ledger:
            reason = ledger.reason(allotment.need)
        return reason

    # -- keep ------------------------------------------------------------------------------------

    def _keep_order(self, allotment: Allotment) -> tuple[object, ...]:
        """The order in which services keep their replicas: those that cannot move, then small ones."""
        service, need = allotment.service, allotment.need
        movable = not (service.mode.is_global or self._sticky(service))
        return (movable, need.has_range, need.memory_bytes, need.nano_cpus, service.name)

    def _keep(self, allotment: Allotment) -> None:
        held = allotment.held.count
        refused: dict[str, int] = {}
        for host, number in held.items():
            may_stay = self._may_stay(allotment, host, number)
            if may_stay:
                allotment.kept[host] = may_stay
            if may_stay < number:
                refused[host] = number - may_stay
        self._shrink(allotment)
        if self._sticky(allotment.service):
            allotment.stuck = min(sum(refused.values()), self._short(allotment))
        self._book(allotment, allotment.kept)
        self._count_in({host: allotment.count(host) - number for host, number in held.items()})
        if allotment.stuck:
            allotment.refused_data = {host: self._why_not_kept(allotment, host) for host in refused}

    def _may_stay(self, allotment: Allotment, host_name: str, count: int) -> int:
        service = allotment.service
        if host_name in self.hosts and not self._filters.reachable(host_name):
            return 0 if self._given_up(service, host_name) else count
        if self._filters.may_not_keep(service, host_name):
            return 0
        return self._ledgers[host_name].room(allotment.need, count)

    def _given_up(self, service: Service, host_name: str) -> bool:
        """True where a lost host's replicas are replaced elsewhere, which a global service's never are."""
        return host_name in self._lost and not self._sticky(service) and not service.mode.is_global

    def _sticky(self, service: Service) -> bool:
        return has_data(service) and service.name not in self._move_volumes

    def _why_not_kept(self, allotment: Allotment, host_name: str) -> FilterReason:
        reason = self._filters.may_not_keep(allotment.service, host_name)
        ledger = self._ledgers.get(host_name)
        if reason is None and ledger:
            reason = ledger.reason(allotment.need)
        return reason or most_allowed(allotment.need.most)

    def _shrink(self, allotment: Allotment) -> None:
        """Take away what is kept beyond what is wanted.

        First replicas that are only remembered, then broken ones, then sound ones, and last those on paper,
        since nobody can take them away.
        """
        if allotment.service.mode.is_global or sum(allotment.kept.values()) <= allotment.service.replicas:
            return
        kept, held = allotment.kept, allotment.held
        answering = {host for host in kept if self._filters.reachable(host)}
        stages: tuple[Mapping[str, int], ...] = (
            {host: held.there.get(host, 0) for host in answering},
            {host: held.sound.get(host, 0) for host in answering},
            dict.fromkeys(answering, 0),
            dict.fromkeys(kept, 0),
        )
        for floor in stages:
            surplus = sum(kept.values()) - allotment.service.replicas
            rooms = {host: number - floor.get(host, number) for host, number in kept.items()}
            for rank, number in remove(self.leaves(allotment, rooms), surplus).items():
                kept[self.names[rank]] -= number

    # -- place -----------------------------------------------------------------------------------

    def _place_order(self, allotment: Allotment) -> tuple[object, ...]:
        """The order of placing: global services, those with few hosts that qualify, big replicas."""
        service, need = allotment.service, allotment.need
        return (
            not service.mode.is_global,
            len(self._filters.qualified(service)),
            need.has_range,
            -need.memory_bytes,
            -need.nano_cpus,
            service.name,
        )

    def _place(self, allotment: Allotment) -> None:
        if allotment.service.mode.is_global:
            self._place_everywhere(allotment)
        else:
            number = self._short(allotment)
            rooms = dict.fromkeys(allotment.kept, 0)
            for host in self._filters.qualified(allotment.service):
                rooms[host] = self.room(allotment, host, number)
            placed = add(self.leaves(allotment, rooms), number)
            allotment.placed = {self.names[rank]: chosen for rank, chosen in placed.items()}
            allotment.missing = self._short(allotment)
        self._book(allotment, allotment.placed)
        allotment.found = {host: self._ledgers[host].total for host in allotment.placed}
        self._count_in(allotment.placed)

    def _place_everywhere(self, allotment: Allotment) -> None:
        """One on each host that qualifies. Another host is passed over, but a full one is a problem."""
        for host in self._filters.qualified(allotment.service):
            if allotment.kept.get(host):
                continue
            if self.room(allotment, host, 1):
                allotment.placed[host] = 1
            else:
                allotment.full.append(host)
        allotment.missing = len(allotment.full)

    def _short(self, allotment: Allotment) -> int:
        """The number of replicas that still need a host, apart from those that are stuck."""
        have = sum(allotment.kept.values()) + sum(allotment.placed.values())
        return max(0, allotment.service.replicas - have - allotment.stuck)

    def room(self, allotment: Allotment, host_name: str, limit: int) -> int:
        """The number of further replicas that a host which qualifies can take, at most ``limit``."""
        return self._ledgers[host_name].room(allotment.need, limit)

    def leaves(self, allotment: Allotment, rooms: Mapping[str, int]) -> Leaves:
        """The hosts of ``rooms`` on the service's spread tree; their rank is their place in ``names``."""
        leaves: dict[tuple[str, ...], list[Leaf]] = {}
        for host, room in rooms.items():
            ledger = self._ledgers.get(host)
            total = ledger.total if ledger else 0
            leaf = Leaf(host in self._doubtful, allotment.count(host), total, self._ranks[host], room)
            leaves.setdefault(self._filters.branches(allotment.service, host), []).append(leaf)
        return leaves

    # -- account ---------------------------------------------------------------------------------

    def _book(self, allotment: Allotment, replicas: Mapping[str, int]) -> None:
        for host, number in replicas.items():
            if host in self._ledgers:
                self._ledgers[host].book(allotment.need, number)

    def _count_in(self, changes: Mapping[str, int]) -> None:
        for host, number in changes.items():
            if host in self._ledgers:
                self._ledgers[host].total += number
