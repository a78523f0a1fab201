"""What every update promises, on generated fleets in memory, through the whole line: run, engine, leases.

(a) Whatever subset of steps fails, at every moment of the update enough replicas do their work, and never
too many are there. (b) Wherever the run dies, one more converge ends as desired, with no orphan and nothing
twice. The short selection runs with the tests; ``make proof`` draws many more.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from deploytool.backend.memory.host import Crash
from deploytool.core.change.guard import GuardPolicy
from deploytool.errors import NoHost
from deploytool.model.event import FailureOutcome
from deploytool.model.intent import Intent, Mode, Service
from deploytool.model.inventory import HostState
from deploytool.model.plan import Plan, StepKind
from deploytool.model.policies import Dependency, Update
from deploytool.plan.policy import PlanPolicy
from tests.builders import Fleet, host, intent, project

EXAMPLES = int(os.environ.get("DEPLOYTOOL_PROOF_EXAMPLES", "40"))
ALLOWED = PlanPolicy(guard=GuardPolicy(allow_vanished=True))
thorough = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class Case:
    """What ran, what is wanted, and the seed of all that goes wrong."""

    before: Intent
    wish: Intent
    chance: random.Random = field(compare=False)

    def fleet(self) -> Fleet:
        fleet = Fleet.of(*(h.name for h in self.before.projects[0].hosts))
        assert fleet.converge(self.before).exit_code == 0
        return fleet


@st.composite
def updates(draw: st.DrawFn) -> Update:
    return Update(
        parallelism=draw(st.integers(0, 3)),
        order=draw(st.sampled_from(("stop-first", "start-first"))),
        failure_action=draw(st.sampled_from(("pause", "pause", "rollback"))),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One to three services on two to four hosts; then other images, counts, policies and states of hosts."""
    names = ("web", "api", "db")[: draw(st.integers(1, 3))]
    services = []
    for index, name in enumerate(names):
        depends = tuple(Dependency(other) for other in names[:index] if draw(st.booleans()))
        mode = draw(st.sampled_from((Mode.REPLICATED, Mode.REPLICATED, Mode.GLOBAL)))
        replicas = 1 if mode is Mode.GLOBAL else draw(st.integers(0, 6))
        update, rollback = draw(updates()), replace(draw(updates()), failure_action="pause")
        services.append(Service(name, mode, replicas, depends_on=depends, update=update, rollback=rollback))
    hosts = [host(f"h{number}") for number in range(draw(st.integers(2, 4)))]
    serial = draw(st.sampled_from(((), (), ("1",), ("50%",))))
    before = replace(project(*services, hosts=hosts), serial=serial)
    wanted = [
        s if s.mode is Mode.GLOBAL else replace(s, replicas=draw(st.sampled_from((s.replicas, 3, 5))))
        for s in services
        if len(services) == 1 or draw(st.integers(0, 9))
    ]
    images = {s.name: f"demo/{s.name}:{draw(st.integers(1, 2))}" for s in wanted}
    states = st.sampled_from((HostState.ACTIVE,) * 5 + (HostState.DRAIN,))
    hosts = [replace(h, state=draw(states)) for h in hosts]
    after = replace(project(*wanted, hosts=hosts, images=images), serial=serial)
    return Case(intent(before), intent(after), draw(st.randoms(use_true_random=False)))


def working(fleet: Fleet) -> Counter[str]:
    return Counter(c.service for m in fleet.hosts.values() for c in m.containers if c.healthy)


def there(fleet: Fleet) -> Counter[str]:
    return Counter(c.service for m in fleet.hosts.values() for c in m.containers)


def least(case: Case, plan: Plan, before: Counter[str]) -> dict[str, int]:
    """How many replicas of each service are promised to work at every moment of a plan."""
    (planned,) = plan.projects
    found = {}
    for summary in planned.summaries:
        service = case.wish.projects[0].service(summary.service)
        steps = [s for s in planned.steps if s.service == summary.service and s.kind is StepKind.STOP]
        replaced = sum(step.count for step in steps if step.replaces)
        away = min(summary.parallelism or replaced, replaced) if summary.order == "stop-first" else 0
        wanted = summary.replicas if service else 0
        found[summary.service] = min(before[summary.service], wanted) - away
    return found


def most(plan: Plan, before: Counter[str]) -> dict[str, int]:
    """How many containers of each service may be there at any moment of a plan."""
    (planned,) = plan.projects
    found = {}
    for summary in planned.summaries:
        steps = [s for s in planned.steps if s.service == summary.service]
        started = sum(s.count for s in steps if s.kind is StepKind.START and not s.replaces)
        replaced = sum(s.count for s in steps if s.kind is StepKind.STOP and s.replaces)
        surge = min(summary.parallelism or replaced, replaced) if summary.order == "start-first" else 0
        found[summary.service] = before[summary.service] + started + surge
    return found


def planned(fleet: Fleet, wish: Intent) -> Plan:
    try:
        return fleet.plan(wish, ALLOWED)
    except NoHost:
        assume(False)
        raise


@given(cases(), st.sampled_from((0.0, 0.1, 0.3)))
@thorough
def test_every_moment_keeps_what_was_promised(case: Case, rate: float) -> None:
    """Any subset of steps fails, as a verb that does nothing or as a replica that is sick; no rollback."""
    calm = [
        replace(s, update=replace(s.update, failure_action="pause")) for s in case.wish.projects[0].services
    ]
    wish = replace(case.wish, projects=(replace(case.wish.projects[0], services=tuple(calm)),))
    fleet = case.fleet()
    plan = planned(fleet, wish)
    low, high = least(case, plan, working(fleet)), most(plan, there(fleet))
    for memory in fleet.hosts.values():
        memory.sick = {f"demo/{s.name}:2" for s in calm if case.chance.random() < rate}
    broken: list[str] = []

    def fault(name: str, verb: str, when: str) -> str:
        now, all_there = working(fleet), there(fleet)
        broken.extend(f"{s}: {now[s]} work, {n} promised" for s, n in low.items() if now[s] < n)
        broken.extend(f"{s}: {all_there[s]} there, {n} allowed" for s, n in high.items() if all_there[s] > n)
        fails = when == "before" and verb in ("start", "stop", "restart") and case.chance.random() < rate
        return "it did not work" if fails else ""

    fleet.fault = fault
    report = fleet.converge(wish, ALLOWED)
    assert not broken
    assert (report.exit_code == 0) is not bool(report.failures or report.left)
    settle(fleet, wish)


@given(cases(), st.integers(0, 40), st.sampled_from(("before", "after")))
@thorough
def test_wherever_it_dies_one_more_converge_ends_as_desired(case: Case, number: int, when: str) -> None:
    """kill -9 before or after any verb that changes something."""
    fleet = case.fleet()
    planned(fleet, case.wish)
    calls = iter(range(10_000))

    def fault(name: str, verb: str, moment: str) -> str:
        return "crash" if verb != "observe" and moment == when and next(calls) == number else ""

    fleet.fault = fault
    try:
        fleet.converge(case.wish, ALLOWED)
    except Crash:
        settle(fleet, case.wish)


def doomed(case: Case) -> tuple[Fleet, Intent, Intent]:
    """A fleet that runs the first intent; of the second one, every new replica is sick, and it rolls back."""
    services = [
        replace(s, update=replace(s.update, failure_action="rollback"))
        for s in case.before.projects[0].services
    ]
    assume(any(s.replicas for s in services))
    mine = replace(case.before.projects[0], services=tuple(services))
    images = {s.name: f"demo/{s.name}:2" for s in services}
    new = replace(project(*services, hosts=mine.hosts, images=images), serial=mine.serial)
    fleet = Fleet.of(*(h.name for h in mine.hosts))
    assert fleet.converge(intent(mine)).exit_code == 0
    for memory in fleet.hosts.values():
        memory.sick = set(images.values())
    return fleet, intent(mine), intent(new)


def holds(fleet: Fleet, name: str) -> Counter[tuple[str, str, bool]]:
    return Counter((c.service, c.image, c.healthy) for c in fleet.hosts[name].containers)


@given(cases())
@thorough
def test_a_failed_update_that_is_rolled_back_is_as_it_was(case: Case) -> None:
    """Every new replica is sick: what runs afterwards is the old release, all of it, and nothing else."""
    fleet, _, new = doomed(case)
    before = {name: holds(fleet, name) for name in fleet.hosts}
    report = fleet.converge(new)
    assert (report.exit_code, dict(report.rolled_back)) == (5, {"shop": 1})
    assert {name: holds(fleet, name) for name in fleet.hosts} == before
    assert not any(memory.folders["shop"].lease for memory in fleet.hosts.values())


@given(cases(), st.integers(0, 40), st.sampled_from(("before", "after")))
@thorough
def test_a_host_that_is_lost_on_the_way_does_not_keep_the_others_from_going_back(
    case: Case, number: int, when: str
) -> None:
    """They run what they ran before, no more and no less; once it is back, one converge does the rest."""
    fleet, old, new = doomed(case)
    before = {name: holds(fleet, name) for name in fleet.hosts}
    calls = iter(range(10_000))

    def fault(name: str, verb: str, moment: str) -> str:
        lost = name == "h0" and verb != "observe" and moment == when and next(calls) == number
        return "lost" if lost else ""

    fleet.fault = fault
    report = fleet.converge(new)
    assume(report.rolled_back)
    assert report.endings["shop"] is FailureOutcome.ROLLED_BACK
    assert all(holds(fleet, name) == before[name] for name in fleet.hosts if name != "h0")
    fleet.fault = lambda *call: ""
    for memory in fleet.hosts.values():
        memory.reachable, memory.now_s = True, memory.now_s + 3600
    assert fleet.converge(old).exit_code == 0
    assert {name: holds(fleet, name) for name in fleet.hosts} == before


def settle(fleet: Fleet, wish: Intent) -> None:
    """All is well again, and the leases of the dead have expired: one more converge ends as desired."""
    fleet.fault = lambda *call: ""
    for memory in fleet.hosts.values():
        memory.sick = set()
        memory.now_s += 3600
    assert fleet.converge(wish, ALLOWED).exit_code == 0
    assert not fleet.plan(wish, ALLOWED)
    (shop,) = fleet.plan(wish, ALLOWED).projects
    counts = Counter(c.service for m in fleet.hosts.values() for c in m.containers)
    wanted: Counter[str] = Counter()
    for (service, _), number in shop.desired.counts.items():
        wanted[service] += number
    assert counts == +wanted
    names = [(m.name, c.name) for m in fleet.hosts.values() for c in m.containers]
    assert len(names) == len(set(names))
