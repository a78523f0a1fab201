"""What must hold of every schedule, on generated fleets."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from deploytool.core.placement.constraints import matches
from deploytool.core.placement.schedule import (
    NO_POLICY,
    SchedulePolicy,
    explain,
    lost_majority,
    schedule,
)
from deploytool.errors import NoHost
from deploytool.model.desired import Desired
from deploytool.model.intent import Mode, Service
from deploytool.model.inventory import Host, HostState
from deploytool.model.observed import Facts, Observed, ObservedHost
from tests.unit.core.strategies import LOST, Fleet, Limits, fleets, make_host, settled

Item = TypeVar("Item")

ROOMY = Limits(tight=False, lost=False, states=(HostState.ACTIVE,), modes=(Mode.REPLICATED,), volumes=False)
FLAT = replace(ROOMY, services=1)

lean = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def solve(fleet: Fleet, policy: SchedulePolicy = NO_POLICY) -> Desired:
    """The schedule; a fleet without one is not an example."""
    try:
        return schedule(fleet.project, fleet.observed, policy=policy)
    except NoHost:
        assume(False)
        raise


def outcome(fleet: Fleet) -> Mapping[tuple[str, str], int] | str:
    try:
        return schedule(fleet.project, fleet.observed).counts
    except NoHost as error:
        return error.message


def moved(before: Desired, after: Desired) -> dict[tuple[str, str], int]:
    keys = {*before.counts, *after.counts}
    return {key: after[key] - before[key] for key in sorted(keys) if after[key] != before[key]}


def shuffled(fleet: Fleet, chance: random.Random) -> Fleet:
    def mixed(items: Iterable[Item]) -> list[Item]:
        pile = list(items)
        chance.shuffle(pile)
        return pile

    observed = {
        name: replace(seen, containers=tuple(mixed(seen.containers)))
        if isinstance(seen, ObservedHost)
        else seen
        for name, seen in mixed(fleet.observed.items())
    }
    project = replace(
        fleet.project, hosts=tuple(mixed(fleet.project.hosts)), services=tuple(mixed(fleet.project.services))
    )
    return Fleet(project, Observed(observed))


@given(fleets(), st.randoms(use_true_random=False))
@lean
def test_the_order_of_the_input_does_not_matter(fleet: Fleet, chance: random.Random) -> None:
    """Shuffled hosts, services and containers give the same schedule, or the same error."""
    assert outcome(shuffled(fleet, chance)) == outcome(fleet)


@given(fleets())
@lean
def test_every_wanted_replica_is_scheduled(fleet: Fleet) -> None:
    """Replicated services get what they ask for, no more and no less."""
    desired = solve(fleet)
    for service in fleet.project.services:
        if not service.mode.is_global:
            assert sum(desired[service.name, host.name] for host in fleet.hosts) == service.replicas


@given(fleets())
@lean
def test_what_was_done_needs_nothing_more(fleet: Fleet) -> None:
    """The schedule of a fleet on which the schedule was applied is the same."""
    desired = solve(fleet)
    assert schedule(fleet.project, fleet.apply(desired).observed).counts == desired.counts


@given(settled(), st.integers(1, 3))
@lean
def test_a_new_host_moves_nothing(fleet: Fleet, number: int) -> None:
    """Where nothing is left to do, added hosts change nothing for replicated services."""
    before = solve(fleet)
    grown = fleet.with_hosts((*fleet.hosts, *(make_host(f"a{n}") for n in range(number))))
    replicated = {service.name for service in fleet.project.services if not service.mode.is_global}
    assert not [key for key in moved(before, solve(grown)) if key[0] in replicated]


@given(settled(), st.data())
@lean
def test_a_host_that_stops_to_answer_changes_nothing(fleet: Fleet, data: st.DataObject) -> None:
    """While a host does not answer its replicas stay on paper, and no other host gets them."""
    assume(len(fleet.hosts) > len(fleet.lost) + 1)
    lost = data.draw(st.sampled_from([host.name for host in fleet.hosts if host.name not in fleet.lost]))
    before = solve(fleet)
    assert moved(before, solve(fleet.without(lost))) == {}


@given(settled(Limits(volumes=False, lost=False)), st.data())
@lean
def test_a_replaced_host_moves_only_its_own(fleet: Fleet, data: st.DataObject) -> None:
    """With the policy to reschedule, a lost host's replicas go elsewhere, and all others stay."""
    assume(len(fleet.hosts) > 1)
    lost = data.draw(st.sampled_from([host.name for host in fleet.hosts]))
    before = solve(fleet)
    after = solve(fleet.without(lost), SchedulePolicy(reschedule_unreachable=True))
    assert all(number > 0 for (_, host), number in moved(before, after).items() if host != lost)
    for service in fleet.project.services:
        expected = before[service.name, lost] if service.mode.is_global else 0
        assert after[service.name, lost] == expected


@given(settled(Limits(volumes=False)), st.data())
@lean
def test_a_drain_moves_as_few_as_possible(fleet: Fleet, data: st.DataObject) -> None:
    """A drained host loses all it has, and no other host loses anything."""
    candidates = [host.name for host in fleet.hosts if host.name not in fleet.lost]
    assume(candidates)
    drained = data.draw(st.sampled_from(candidates))
    hosts = [replace(h, state=HostState.DRAIN) if h.name == drained else h for h in fleet.hosts]
    before, after = solve(fleet), solve(fleet.with_hosts(hosts))
    assert not after.services_on(drained)
    assert all(number > 0 for (_, host), number in moved(before, after).items() if host != drained)


@given(fleets())
@lean
def test_a_replica_moves_only_where_it_may_not_stay(fleet: Fleet) -> None:
    """No host loses a replica while the service gains one elsewhere, unless a filter refuses the first."""
    desired, running = solve(fleet), fleet.running()
    for service in fleet.project.services:
        keys = [(service.name, host.name) for host in fleet.hosts if host.name not in fleet.lost]
        gains = any(desired[key] > running.get(key, 0) for key in keys)
        for verdict in explain(fleet.project, fleet.observed, service.name) if gains else ():
            if running.get((service.name, verdict.host), 0) > desired[service.name, verdict.host]:
                assert verdict.reason


@given(fleets())
@lean
def test_unreachable_hosts_never_receive(fleet: Fleet) -> None:
    """A host that does not answer holds at most what it has on paper."""
    desired, on_paper = solve(fleet), fleet.on_paper
    for (service, host), count in desired.counts.items():
        assert host not in fleet.lost or count <= on_paper.get((service, host), 0)


@given(fleets())
@lean
def test_no_filter_is_violated(fleet: Fleet) -> None:
    """On hosts that answer, no replica is where a filter forbids it, even if it was there before."""
    desired, running = solve(fleet), fleet.running()
    for host in (h for h in fleet.hosts if h.name not in fleet.lost):
        for name, count in desired.services_on(host.name).items():
            service = fleet.project.service(name)
            assert service is not None
            assert host.state is not HostState.DRAIN
            assert (
                host.state is HostState.ACTIVE
                or service.volumes
                or count <= running.get((name, host.name), 0)
            )
            assert all(matches(constraint, host, Facts()) for constraint in service.constraints)
            assert count <= (1 if service.mode.is_global else service.max_per_host or count)


@given(fleets())
@lean
def test_capacity_is_never_exceeded(fleet: Fleet) -> None:
    """Memory, CPUs and ports of a host suffice for all that is scheduled there and all that others hold."""
    after = fleet.apply(solve(fleet))
    for host in after.hosts:
        seen = after.observed[host.name]
        if not isinstance(seen, ObservedHost) or not any(
            c.project == after.project.name for c in seen.containers
        ):
            continue
        ours = [container for container in seen.containers if container.ours]
        needy = any(c.reserve.memory_bytes for c in ours if c.project == after.project.name)
        capacity = host.memory_bytes or seen.facts.memory_bytes
        assert not needy or sum(c.reserve.memory_bytes for c in ours) <= capacity
        needy = any(c.reserve.cpus for c in ours if c.project == after.project.name)
        assert not needy or sum(c.reserve.cpus for c in ours) <= (host.cpus or seen.facts.cpus) + 1e-9
        ports = [port for container in seen.containers for port in container.ports]
        assert len(ports) == len(set(ports))


@given(fleets(), st.data())
@lean
def test_explain_agrees_with_schedule(fleet: Fleet, data: st.DataObject) -> None:
    """The verdicts sum up to the schedule, and what a filter excludes for good received nothing."""
    desired, excluded = solve(fleet), ("is unreachable", "is paused", "is drained", "does not match")
    for service in fleet.project.services:
        for verdict in explain(fleet.project, fleet.observed, service.name):
            assert verdict.kept + verdict.chosen == desired[service.name, verdict.host]
            assert bool(verdict.because) == bool(verdict.chosen)
            assert not (verdict.chosen and verdict.reason.startswith(excluded))


@given(fleets())
@lean
def test_a_missing_replica_is_refused_by_every_host(fleet: Fleet) -> None:
    """Where a schedule fails for want of room, each host that should have taken one says why it does not."""
    result = outcome(fleet)
    assume(isinstance(result, str))
    for service in fleet.project.services:
        short = str(result).startswith(f"{service.name}: ") or f"; {service.name}: " in str(result)
        if short and not service.mode.is_global and not service.volumes:
            assert all(v.reason for v in explain(fleet.project, fleet.observed, service.name))


@given(fleets(Limits(lost=False)))
@lean
def test_scale_to_zero_gives_zero(fleet: Fleet) -> None:
    """A project whose services all want zero replicas holds nothing anywhere, drained or full or not."""
    services = [replace(service, mode=Mode.REPLICATED, replicas=0) for service in fleet.project.services]
    assert solve(fleet.with_services(services)).counts == {}


def branches(
    fleet: Fleet, service: Service, counts: Mapping[str, int], depth: int
) -> dict[tuple[str, ...], int]:
    sums: dict[tuple[str, ...], int] = {}
    for host in fleet.hosts:
        path = branch_of(service, host, depth)
        sums[path] = sums.get(path, 0) + counts.get(host.name, 0)
    return sums


def branch_of(service: Service, host: Host, depth: int) -> tuple[str, ...]:
    """The values of the spread keys down to a level; below the last one, the host."""
    path = tuple(host.labels.get(key.rpartition(".")[2], "") for key in service.spread[:depth])
    return (*path, host.name) if depth > len(service.spread) else path


@given(fleets(FLAT))
@lean
def test_replicas_are_balanced_at_each_level(fleet: Fleet) -> None:
    """A branch that received is at most one above each sibling: nothing stable is better balanced."""
    assume(fleet.hosts)
    (service,) = fleet.project.services
    desired, running = solve(fleet), fleet.running()
    before = {h.name: running.get((service.name, h.name), 0) for h in fleet.hosts}
    after = {h.name: desired[service.name, h.name] for h in fleet.hosts}
    assume(sum(after.values()) >= sum(before.values()))
    for depth in range(1, len(service.spread) + 2):
        old, new = branches(fleet, service, before, depth), branches(fleet, service, after, depth)
        for path, count in new.items():
            siblings = [n for other, n in new.items() if other[:-1] == path[:-1]]
            assert count == old[path] or count <= min(siblings) + 1


@given(fleets(replace(FLAT, tight=True)))
@lean
def test_no_better_place_was_left(fleet: Fleet) -> None:
    """Whatever the filters: a branch that received is at most one above each sibling with room to spare."""
    (service,) = fleet.project.services
    desired = solve(fleet)
    verdicts = explain(fleet.project, fleet.observed, service.name)
    received = {verdict.host for verdict in verdicts if verdict.chosen}
    spare = {verdict.host for verdict in verdicts if not verdict.reason}
    counts = {host.name: desired[service.name, host.name] for host in fleet.hosts}
    for depth in range(1, len(service.spread) + 2):
        sums = branches(fleet, service, counts, depth)
        of_host = {host.name: branch_of(service, host, depth) for host in fleet.hosts}
        for full in {of_host[name] for name in received}:
            roomy = [of_host[name] for name in spare if of_host[name][:-1] == full[:-1]]
            assert all(sums[full] <= sums[other] + 1 for other in roomy)


@given(fleets(FLAT))
@lean
def test_surplus_leaves_the_fullest(fleet: Fleet) -> None:
    """Of sound replicas, a branch that lost some is at most one below each sibling."""
    (service,) = fleet.project.services
    sound = fleet.apply(solve(fleet))
    smaller = sound.with_services([replace(service, replicas=service.replicas // 2)])
    running, desired = sound.running(), solve(smaller)
    before = {h.name: running.get((service.name, h.name), 0) for h in fleet.hosts}
    after = {h.name: desired[service.name, h.name] for h in fleet.hosts}
    for depth in range(1, len(service.spread) + 2):
        old, new = branches(fleet, service, before, depth), branches(fleet, service, after, depth)
        for path, count in new.items():
            siblings = [n for other, n in new.items() if other[:-1] == path[:-1]]
            assert count == old[path] or count >= max(siblings) - 1


@given(settled(Limits(tight=False)))
@lean
def test_a_lost_majority_is_never_replaced(fleet: Fleet) -> None:
    """Where more than half of the hosts do not answer, the policy to reschedule changes nothing."""
    assume(len(fleet.hosts) > 1)
    away = fleet.without(*(host.name for host in fleet.hosts[: len(fleet.hosts) // 2 + 1]))
    assume(len(away.lost) < len(away.hosts))
    assert lost_majority(away.project, away.observed)
    with_policy = schedule(away.project, away.observed, policy=SchedulePolicy(reschedule_unreachable=True))
    assert with_policy == schedule(away.project, away.observed)
    assert all(seen is LOST for name, seen in away.observed.items() if name in away.lost)
