"""Eventually as desired: whatever fails, and wherever the run dies, one more converge gets there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from deploytool.backend.memory.host import Crash
from deploytool.errors import LeaseHeld
from deploytool.model.event import Event, StepDone
from deploytool.model.intent import Service
from deploytool.model.policies import Dependency, Update
from deploytool.model.release import Lease
from tests.builders import Fleet, drained, host, intent, project

HOSTS = [host("h1"), host("h2"), host("h3")]


def shop(web: int, tag: int, hosts=HOSTS, order: str = "stop-first"):
    services = (
        Service(
            "web", replicas=web, update=Update(parallelism=2, order=order), depends_on=(Dependency("db"),)
        ),
        Service("db", replicas=1),
    )
    return intent(project(*services, hosts=hosts, images={"web": f"demo/web:{tag}"}))


# Name → (the state before, the wish): every kind of step is in one of them.
CASES = {
    "first start": (None, shop(6, 1)),
    "scale up": (shop(3, 1), shop(7, 1)),
    "scale down": (shop(7, 1), shop(2, 1)),
    "update, stop-first": (shop(6, 1), shop(6, 2)),
    "update, start-first": (shop(6, 1, order="start-first"), shop(6, 2, order="start-first")),
    "drain and update": (shop(6, 1), shop(5, 2, [*HOSTS[:2], drained(HOSTS[2])])),
}


def fleet_before(before) -> Fleet:
    fleet = Fleet.of("h1", "h2", "h3")
    if before is not None:
        assert fleet.converge(before).exit_code == 0
    return fleet


def at_call(number: int, fault: str, when: str) -> Callable[[str, str, str], str]:
    """A fault at the n-th verb that is not a look."""
    calls = count()

    def decide(host_name: str, verb: str, moment: str) -> str:
        if verb == "observe" or moment != when:
            return ""
        return fault if next(calls) == number else ""

    return decide


def verbs_of(before, wish) -> int:
    """How many verbs the undisturbed run takes."""
    fleet = fleet_before(before)
    calls = []
    fleet.fault = lambda _, verb, when: (
        calls.append(verb) or "" if when == "before" and verb != "observe" else ""
    )
    assert fleet.converge(wish).exit_code == 0
    return len(calls)


def settle(fleet: Fleet, wish) -> None:
    """The fault is gone, the leases of the dead have expired: one more converge."""
    fleet.fault = lambda *call: ""
    for memory in fleet.hosts.values():
        memory.reachable = True
        memory.now_s += 3600
    assert fleet.converge(wish).exit_code == 0
    assert not fleet.plan(wish)
    names = [(c.service, m.name, c.number) for m in fleet.hosts.values() for c in m.containers]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_dies_anywhere_is_finished_by_the_next(case, when):
    """kill -9 before and after every single verb."""
    before, wish = CASES[case]
    for number in range(verbs_of(before, wish)):
        fleet = fleet_before(before)
        fleet.fault = at_call(number, "crash", when)
        with pytest.raises(Crash):
            fleet.converge(wish)
        settle(fleet, wish)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("fault", "when"), [("it did not work", "before"), ("lost", "before"), ("lost", "after")]
)
def test_a_step_that_fails_anywhere_is_reported_and_made_good_by_the_next(case, fault, when):
    """A failed verb, or a host lost in it, ends in 0 only where the wish was reached all the same."""
    before, wish = CASES[case]
    for number in range(verbs_of(before, wish)):
        fleet = fleet_before(before)
        fleet.fault = at_call(number, fault, when)
        report = fleet.converge(wish)
        assert report.exit_code in ((5,) if fault != "lost" else (0, 4, 5)), number
        settle(fleet, wish)


def test_a_lost_host_does_not_stop_the_others():
    """A host that dies while it is prepared is planned around in the same run."""
    fleet = fleet_before(shop(6, 1))
    fleet.fault = lambda name, verb, when: "lost" if (name, verb) == ("h2", "prepare") else ""
    report = fleet.converge(shop(6, 2))
    assert report.exit_code == 4
    images = {c.image for n in ("h1", "h3") for c in fleet.hosts[n].containers if c.service == "web"}
    assert images == {"demo/web:2"}


def test_a_host_that_changes_under_the_plan_is_planned_anew():
    """Between look and lease someone removed a replica: the run sees it and repairs that too."""
    fleet = fleet_before(shop(6, 1))

    def meddle(name: str, verb: str, when: str) -> str:
        if (name, verb, when) == ("h1", "prepare", "before"):
            fleet.hosts["h1"].containers = [c for c in fleet.hosts["h1"].containers if c.number != 1]
            fleet.fault = lambda *call: ""
        return ""

    fleet.fault = meddle
    assert fleet.converge(shop(7, 1)).exit_code == 0
    assert sum(fleet.counts().values()) == 7


def test_a_run_that_lost_its_lease_stops_before_its_next_step():
    """Fencing: whoever took the lease works alone."""
    fleet = fleet_before(shop(6, 1))
    thief = Lease("thief", who="other@host", expires_s=9_000_000)

    def steal(name: str, verb: str, when: str) -> str:
        if (verb, when) == ("stop", "after"):
            fleet.hosts[name].folders["shop"].lease = thief
            fleet.fault = lambda *call: ""
        return ""

    fleet.fault = steal
    with pytest.raises(LeaseHeld, match="other@host"):
        fleet.converge(shop(6, 2))
    assert "demo/web:1" in fleet.images()


def test_a_dead_run_on_this_machine_is_taken_over_at_once(monkeypatch):
    """Its lease has not expired, but its process is gone."""
    fleet = fleet_before(shop(6, 1))
    monkeypatch.setattr("deploytool.run.lease_wait.is_dead", lambda lease: lease.owner == "dead")
    for memory in fleet.hosts.values():
        memory.folders["shop"].lease = Lease("dead", expires_s=memory.now_s + 50)
    assert fleet.converge(shop(7, 1)).exit_code == 0


def test_an_interrupt_lets_the_steps_under_way_finish_and_gives_the_lease_back():
    """Ctrl-C: exit 130, what was begun is done, nothing else is, and nobody is locked out."""
    fleet = fleet_before(shop(6, 1))
    run = fleet.run(shop(6, 2))
    show, interrupted = run.emit, []

    def interrupt(event: Event) -> None:
        show(event)
        if isinstance(event, StepDone) and event.step.service and not interrupted:
            interrupted.append(event)
            run.interrupts.request_stop()

    run.emit = interrupt
    report = run.converge()
    assert report.exit_code == 130
    assert not any(memory.folders["shop"].lease for memory in fleet.hosts.values())
    settle(fleet, shop(6, 2))


def test_the_same_release_is_not_recorded_twice():
    """A repair keeps the release number: nothing new was released."""
    fleet = fleet_before(shop(6, 1))
    fleet.hosts["h1"].containers = [replace(c, state="exited") for c in fleet.hosts["h1"].containers]
    fleet.converge(shop(6, 1))
    assert {memory.folders["shop"].release.number for memory in fleet.hosts.values()} == {1}
