"""Moves a few replicas for the sake of balance: the only place where one that may stay is moved.

First each service on its own: down its spread tree, level by level, and then host by host, until no two
siblings differ by more than one. Then all services together: among hosts that are equal to a service, from
the fullest to the emptiest. Every move passes the filters with both replicas there, since the new one
starts before the old one stops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deploytool.core.placement.allocator import Allocator, Allotment
from deploytool.core.placement.capacity import Claim
from deploytool.core.placement.schedule import NO_POLICY, SchedulePolicy, decide
from deploytool.model.desired import Desired
from deploytool.model.intent import Project
from deploytool.model.observed import Observed

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class _Move:
    """Compares by what is gained, then by names. ``gain`` is the difference that it evens out, negated."""

    gain: int
    service: str
    source: str
    target: str


def rebalance(
    project: Project,
    observed: Observed,
    desired: Desired,
    max_moves: int,
    policy: SchedulePolicy = NO_POLICY,
    claims: Sequence[Claim] = (),
) -> Desired:
    """The schedule after at most ``max_moves`` moves, the most uneven first; ``desired`` where none helps.

    Global services, jobs, and services with data stay (``policy.move_volumes`` lifts the last), and so
    does what is on hosts that do not answer. Deterministic, as the schedule is.
    """
    if max_moves <= 0:
        return desired
    allocator = decide(project, observed, policy, claims)
    movable = [a for a in allocator.allotments.values() if _may_move(project, a, policy)]
    counts = dict(desired.counts)
    for move in _moves(allocator, movable, max_moves):
        counts[move.service, move.source] -= 1
        counts[move.service, move.target] = counts.get((move.service, move.target), 0) + 1
    return Desired(desired.project, {key: number for key, number in counts.items() if number})


def moved(before: Desired, after: Desired) -> int:
    """The number of replicas that are on another host than before."""
    return sum(max(0, number - before[key]) for key, number in after.counts.items())


def _may_move(project: Project, allotment: Allotment, policy: SchedulePolicy) -> bool:
    service = allotment.service
    stays = service.mode.is_global or project.finishes(service)
    return not stays and (not service.volumes or service.name in policy.move_volumes)


def _moves(allocator: Allocator, movable: Sequence[Allotment], most: int) -> Iterator[_Move]:
    for find in (_for_its_service, _for_the_hosts):
        # A move may make room for another that was impossible before: look again until there is none.
        while proposed := {a.service.name: move for a in movable if (move := find(allocator, a))}:
            while proposed and most > 0:
                chosen = min(proposed.values())
                allocator.move(allocator.allotments[chosen.service], chosen.source, chosen.target)
                most -= 1
                yield chosen
                for name in [name for name, move in proposed.items() if _meet(move, chosen)]:
                    again = find(allocator, allocator.allotments[name])
                    proposed.pop(name)
                    proposed |= {name: again} if again else {}
            if most <= 0:
                return


def _meet(one: _Move, other: _Move) -> bool:
    """True where one move changes the reasons for the other."""
    return one.service == other.service or not {one.source, one.target}.isdisjoint(
        (other.source, other.target)
    )


def _givers(allocator: Allocator, allotment: Allotment) -> list[str]:
    """Hosts on which a replica runs that may go, sorted by name."""
    there = allotment.held.there
    return sorted(h for h, n in allotment.kept.items() if n and there.get(h) and allocator.answers(h))


def _for_its_service(allocator: Allocator, allotment: Allotment) -> _Move | None:
    """From the fullest branch to the emptiest, of those that differ by two or more: outermost level first."""
    names = {*allocator.qualified(allotment), *allotment.kept}
    paths = {host: (*allocator.branches(allotment, host), host) for host in names}
    counts: dict[Path, int] = {}
    for host, path in paths.items():
        for depth in range(1, len(path) + 1):
            counts[path[:depth]] = counts.get(path[:depth], 0) + allotment.count(host)
    for depth in range(len(allotment.service.spread) + 1):
        found = [
            _Move(counts[target[: depth + 1]] - counts[source[: depth + 1]], "", source[-1], target[-1])
            for source, target in _extremes(allocator, allotment, depth, paths, counts)
        ]
        best = min(found, default=None)
        if best and best.gain <= -2:
            return _Move(best.gain, allotment.service.name, best.source, best.target)
    return None


def _extremes(
    allocator: Allocator,
    allotment: Allotment,
    depth: int,
    paths: dict[str, Path],
    counts: dict[Path, int],
) -> Iterator[tuple[Path, Path]]:
    """Under each branch at ``depth``: the fullest that can give and the emptiest that can take."""

    def fullness(host: str) -> tuple[object, ...]:
        path = paths[host]
        return (*(counts[path[:d]] for d in range(depth + 1, len(path) + 1)), allocator.total(host))

    fullest: dict[Path, str] = {}
    emptiest: dict[Path, str] = {}
    for host in _givers(allocator, allotment):
        branch = paths[host][:depth]
        if branch not in fullest or fullness(host) >= fullness(fullest[branch]):
            fullest[branch] = host
    for host in allocator.qualified(allotment):
        branch = paths[host][:depth]
        emptier = branch not in emptiest or fullness(host) < fullness(emptiest[branch])
        if emptier and allocator.room(allotment, host, 1):
            emptiest[branch] = host
    for branch in sorted(fullest.keys() & emptiest.keys()):
        yield paths[fullest[branch]], paths[emptiest[branch]]


def _for_the_hosts(allocator: Allocator, allotment: Allotment) -> _Move | None:
    """From the fullest host to the emptiest, where the service is as well off after it as before."""
    fullest: dict[tuple[Path, int], str] = {}
    emptiest: dict[tuple[Path, int], str] = {}
    for host in _givers(allocator, allotment):
        key = (allocator.branches(allotment, host), allotment.count(host) - 1)
        if key not in fullest or allocator.total(host) >= allocator.total(fullest[key]):
            fullest[key] = host
    for host in allocator.qualified(allotment):
        key = (allocator.branches(allotment, host), allotment.count(host))
        emptier = key not in emptiest or allocator.total(host) < allocator.total(emptiest[key])
        if key in fullest and emptier and allocator.room(allotment, host, 1):
            emptiest[key] = host
    found = [
        _Move(
            allocator.total(target) - allocator.total(fullest[key]),
            allotment.service.name,
            fullest[key],
            target,
        )
        for key, target in emptiest.items()
    ]
    best = min(found, default=None)
    return best if best and best.gain <= -2 else None
