"""Rebalance moves as few as it can, breaks no filter, and leaves nothing for the next plain plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from deploytool.core.change.reconcile import reconcile
from deploytool.core.change.rollout import roll_out
from deploytool.core.placement.rebalance import moved, rebalance
from deploytool.core.placement.schedule import SchedulePolicy, schedule
from deploytool.model.constraint import parse_constraint
from deploytool.model.desired import Desired, HostFiles, Manifest, Spec
from deploytool.model.intent import Mode, Port, Resources, Service
from deploytool.model.inventory import HostState
from deploytool.model.observed import Observed
from deploytool.model.plan import StepKind
from deploytool.plan.policy import PlanPolicy
from tests import builders
from tests.unit.core.strategies import SHOP, Fleet, Limits, M, make_host, make_project, settled

HOSTS = ("h1", "h2", "new")
EVEN = {"h1": 2, "h2": 2, "new": 2}
lean = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def fleet(*services: Service, counts: Mapping[tuple[str, str], int], **hosts: object) -> Fleet:
    """Hosts h1, h2 and new, or others with their fields, on which ``counts`` run."""
    made = [make_host(name, **hosts.get(name, {})) for name in (hosts or HOSTS)]  # type: ignore[arg-type]
    empty = Fleet(make_project(made, services), Observed()).with_hosts(made)
    return empty.apply(Desired(SHOP, counts))


def after(before: Fleet, max_moves: int = 100, policy: SchedulePolicy = SchedulePolicy()) -> Desired:
    plain = schedule(before.project, before.observed, policy=policy)
    return rebalance(before.project, before.observed, plain, max_moves, policy)


def spread_of(desired: Desired, service: str = "web") -> dict[str, int]:
    return {host: desired[service, host] for host in desired.hosts_of(service)}


WEB = Service("web", replicas=6)
SIX = {("web", "h1"): 3, ("web", "h2"): 3}


def test_a_new_host_gets_its_share_and_no_more_moves_than_that():
    """3 + 3 + 0 becomes 2 + 2 + 2 with two moves."""
    before = fleet(WEB, counts=SIX)
    assert spread_of(after(before)) == EVEN
    assert moved(schedule(before.project, before.observed), after(before)) == 2


def test_what_is_even_within_one_stays():
    """Nothing to gain, nothing moves."""
    before = fleet(replace(WEB, replicas=5), counts={("web", "h1"): 2, ("web", "h2"): 2, ("web", "new"): 1})
    assert moved(schedule(before.project, before.observed), after(before)) == 0


def test_no_more_than_the_limit_moves():
    """The most uneven service goes first."""
    counts = {**SIX, ("api", "h1"): 8}
    before = fleet(WEB, Service("api", replicas=8), counts=counts)
    limited = after(before, 1)
    assert spread_of(limited) == {"h1": 3, "h2": 3}
    assert limited["api", "h1"] == 7
    assert after(before, 0).counts == counts


def test_branches_are_evened_out_before_hosts():
    """Two racks of two hosts and a new rack of one: the new rack gets a third, then hosts even out."""
    racks = {"h1": "a", "h2": "a", "h3": "b", "h4": "b", "h5": "c"}
    hosts = {name: {"labels": {"rack": rack}} for name, rack in racks.items()}
    counts = {("web", "h1"): 4, ("web", "h2"): 1, ("web", "h3"): 2, ("web", "h4"): 2}
    web = replace(WEB, replicas=9, spread=("node.labels.rack",))
    assert spread_of(after(fleet(web, counts=counts, **hosts))) == {
        "h1": 2,
        "h2": 1,
        "h3": 2,
        "h4": 1,
        "h5": 3,
    }


def test_hosts_are_evened_out_over_services():
    """Four services of one replica each on one host: two move, though no service gains by it."""
    names = ("a", "b", "c", "d")
    before = fleet(*(Service(name) for name in names), counts={(n, "h1"): 1 for n in names}, h1={}, new={})
    result = after(before)
    assert {host: sum(result.services_on(host).values()) for host in ("h1", "new")} == {"h1": 2, "new": 2}


@pytest.mark.parametrize(
    "web",
    [
        replace(WEB, volumes=("data",)),
        replace(WEB, mode=Mode.REPLICATED_JOB),
        replace(WEB, constraints=(parse_constraint("node.hostname != new"),)),
        replace(WEB, ports=(Port(80, 7, 7),), max_per_host=0),
    ],
    ids=["data", "job", "constraint", "port"],
)
def test_what_may_not_move_stays(web):
    """Data, jobs, and hosts that a filter refuses."""
    counts = {("web", "h1"): 1} if web.ports else SIX
    before = fleet(replace(web, replicas=sum(counts.values())), counts=counts)
    assert after(before).counts == counts


def test_data_moves_where_it_is_allowed():
    """--move-volumes names the service."""
    before = fleet(replace(WEB, volumes=("data",)), counts=SIX)
    assert spread_of(after(before, policy=SchedulePolicy(move_volumes=frozenset({"web"})))) == EVEN


def test_a_paused_host_receives_nothing_and_a_lost_one_gives_nothing():
    """As in every schedule."""
    paused = fleet(WEB, counts=SIX, h1={}, h2={}, new={"state": HostState.PAUSE})
    assert after(paused).counts == SIX
    lost = fleet(WEB, counts={("web", "h1"): 6}, h1={}, h2={}).without("h1")
    assert after(lost).counts == {("web", "h1"): 6}


def test_room_is_counted_with_both_replicas_there():
    """The new one starts before the old one goes: what does not fit beside stays where it is."""
    big = replace(WEB, reserve=Resources(memory_bytes=100 * M))
    small = {"memory_bytes": 100 * M}
    assert spread_of(after(fleet(big, counts=SIX, h1={}, h2={}, new=small))) == {"h1": 3, "h2": 2, "new": 1}


def test_the_new_one_is_ready_before_the_old_one_goes():
    """A move never lowers availability: each stop needs the starts of its service."""
    before = fleet(WEB, counts=SIX)
    files = {name: HostFiles(Manifest(""), {"web": Spec("1:abc", "demo/web:1")}) for name in HOSTS}
    changes = reconcile(before.project, after(before), files, before.observed)
    steps = roll_out(before.project, changes, before.observed).steps
    starts = {step.id for step in steps if step.kind is StepKind.START}
    stops = [step for step in steps if step.kind is StepKind.STOP]
    assert starts and stops and all(starts <= set(step.needs) for step in stops)


def test_a_rebalance_converges_and_leaves_nothing_for_a_plain_plan():
    """Through the same run: two move, then both a plain plan and another rebalance have nothing to do."""
    hosts = [builders.host(name) for name in HOSTS]
    small = builders.intent(builders.project(WEB, hosts=hosts[:2]))
    large = builders.intent(builders.project(WEB, hosts=hosts))
    memory = builders.Fleet.of(*HOSTS)
    memory.converge(small)
    memory.converge(large)
    assert memory.counts() == {"h1": 3, "h2": 3}
    policy = PlanPolicy(max_moves=10)
    assert memory.converge(large, policy).exit_code == 0
    assert memory.counts() == EVEN
    assert not memory.plan(large)
    assert not memory.plan(large, policy)


def test_a_limited_rebalance_stops_at_its_limit():
    """One move now, one with the next command; each run ends converged."""
    hosts = [builders.host(name) for name in HOSTS]
    large = builders.intent(builders.project(WEB, hosts=hosts))
    memory = builders.Fleet.of(*HOSTS)
    memory.converge(builders.intent(builders.project(WEB, hosts=hosts[:2])))
    assert memory.converge(large, PlanPolicy(max_moves=1)).exit_code == 0
    assert memory.counts() == {"h1": 3, "h2": 2, "new": 1}
    assert not memory.plan(large)
    assert memory.converge(large, PlanPolicy(max_moves=1)).exit_code == 0
    assert memory.counts() == EVEN


def test_a_target_that_is_lost_on_the_way_costs_nothing():
    """The new host dies while it starts a replica: the old ones are still there."""
    hosts = [builders.host(name) for name in HOSTS]
    large = builders.intent(builders.project(WEB, hosts=hosts))
    memory = builders.Fleet.of(*HOSTS)
    memory.converge(builders.intent(builders.project(WEB, hosts=hosts[:2])))
    memory.fault = lambda host, verb, when: "lost" if (host, verb) == ("new", "start") else ""
    memory.converge(large, PlanPolicy(max_moves=10))
    assert (memory.counts()["h1"], memory.counts()["h2"]) == (3, 3)


@given(settled(Limits(hosts=6)), st.integers(0, 3), st.integers(0, 8))
@lean
def test_every_rebalance_is_a_schedule(before: Fleet, joined: int, limit: int) -> None:
    """Counts stay, the limit holds, nothing is against a filter: the next plain schedule keeps it all."""
    hosts = (*before.hosts, *(make_host(f"n{number}", labels={"zone": "x"}) for number in range(joined)))
    grown = before.with_hosts(hosts)
    assume(not any(service.mode.is_global for service in grown.project.services))
    plain = schedule(grown.project, grown.observed)
    result = rebalance(grown.project, grown.observed, plain, limit)
    assert moved(plain, result) <= limit
    for service in grown.project.services:
        assert sum(spread_of(result, service.name).values()) == sum(spread_of(plain, service.name).values())
    assert schedule(grown.project, grown.apply(result).observed).counts == result.counts


@given(settled(Limits(hosts=6, tight=False, lost=False, volumes=False, modes=(Mode.REPLICATED,))))
@lean
def test_a_rebalance_repeated_finds_nothing_more(before: Fleet) -> None:
    """It ends, and its result is as even as it gets."""
    result = after(before)
    assert moved(result, after(before.apply(result))) == 0
    for service in before.project.services:
        if not service.spread:
            counts = [result[service.name, h.name] for h in before.hosts if h.state is HostState.ACTIVE]
            assert not counts or max(counts) - min(counts) <= 1
