"""Hosts that left the play: what they hold is found and removed, though no pattern names them any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.backend.memory.host import Crash
from deploytool.core.change.guard import GuardPolicy
from deploytool.model.event import Report
from deploytool.model.ingress import IngressKeys, ProxySettings
from deploytool.model.intent import Intent, Port, Service
from deploytool.model.plan import StepKind
from deploytool.model.policies import Update
from deploytool.plan.policy import PlanPolicy
from tests.builders import Fleet, host, intent, project

NAMES = ("h1", "h2", "h3")
HOSTS = [host(name) for name in NAMES]
LIMITED = PlanPolicy(limit=frozenset({"h1", "h2"}))


def web(*names: str, replicas: int = 3, image: str = "demo/web:1", known: list = HOSTS) -> Intent:
    """A play on some of the known hosts."""
    hosts = [one for one in HOSTS if one.name in names]
    update = Update(failure_action="pause")
    service = Service("web", replicas=replicas, update=update)
    return intent(project(service, hosts=hosts, images={"web": image}), hosts=known)


def exposed(*names: str) -> Intent:
    """A play whose only replica is on its first host, with a proxy on each."""
    ports = (Port(8080, 80, 80, mode="ingress"),)
    service = Service("web", ports=ports, exposure=IngressKeys(domains=("shop",)))
    hosts = [one for one in HOSTS if one.name in names]
    return intent(
        replace(project(service, hosts=hosts), proxy_settings=ProxySettings("envoy:1")), hosts=HOSTS
    )


@pytest.fixture
def fleet() -> Fleet:
    return Fleet.of(*NAMES)


def execs(fleet: Fleet) -> dict[str, list[str]]:
    return {name: engine.execs for name, engine in fleet.engines.items()}


def assert_gone(fleet: Fleet, wanted: Intent, left: str = "h3") -> None:
    """Nothing is left of it, and the next run looks at the hosts of the play only."""
    memory = fleet.hosts[left]
    assert (memory.containers, memory.served) == ([], {})
    assert not any(folder.manifest for folder in memory.folders.values())
    fleet.engines.clear()
    report = fleet.converge(wanted)
    assert (report.exit_code, report.done) == (0, 0)
    assert execs(fleet) == {name: ["observe"] for name in NAMES if name != left}


def assert_away(report: Report) -> None:
    assert (report.exit_code, list(report.unreachable)) == (4, ["h3"])


def test_it_was_away_when_it_left(fleet: Fleet) -> None:
    """It is asked as long as nobody knows that it is empty."""
    fleet.converge(web(*NAMES))
    fleet.hosts["h3"].reachable = False
    smaller = web("h1", "h2", replicas=2)
    assert_away(fleet.converge(smaller))
    assert_away(fleet.converge(smaller))
    fleet.hosts["h3"].reachable = True
    assert fleet.converge(smaller).exit_code == 0
    assert_gone(fleet, smaller)


def test_it_was_away_when_its_replicas_were_replaced_and_left_later(fleet: Fleet) -> None:
    """By then the release did not name it any more."""
    fleet.converge(web(*NAMES))
    fleet.hosts["h3"].reachable = False
    elsewhere = PlanPolicy()
    elsewhere = replace(elsewhere, schedule=replace(elsewhere.schedule, reschedule_unreachable=True))
    assert_away(fleet.converge(web(*NAMES), elsewhere))
    assert fleet.counts() == {"h1": 2, "h2": 1, "h3": 1} or fleet.counts() == {"h1": 1, "h2": 2, "h3": 1}
    assert_away(fleet.converge(web("h1", "h2")))
    fleet.hosts["h3"].reachable = True
    assert fleet.converge(web("h1", "h2")).exit_code == 0
    assert_gone(fleet, web("h1", "h2"))


def test_it_was_outside_the_limit_when_it_left(fleet: Fleet) -> None:
    """What was recorded without it does not forget it."""
    fleet.converge(web(*NAMES))
    smaller = web("h1", "h2", replicas=2)
    fleet.converge(smaller, LIMITED)
    assert fleet.counts()["h3"] == 1
    remembered = [fleet.hosts[name].folders["shop"] for name in ("h1", "h2")]
    assert [(folder.release.number, folder.possible_holders) for folder in remembered] == [(2, ("h3",))] * 2
    assert fleet.converge(smaller).exit_code == 0
    assert_gone(fleet, smaller)


def test_it_joined_with_an_update_that_failed(fleet: Fleet) -> None:
    """No release that came to be names it."""
    fleet.converge(web("h1", "h2", replicas=2))
    fleet.hosts["h3"].sick = {"demo/web:1"}
    assert fleet.converge(web(*NAMES)).exit_code == 5
    assert fleet.counts()["h3"] == 1
    assert fleet.converge(web("h1", "h2", replicas=2)).exit_code == 0
    assert_gone(fleet, web("h1", "h2", replicas=2))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("verb", ["start", "record"])
def test_it_joined_with_a_run_that_was_killed(fleet: Fleet, verb: str, when: str) -> None:
    """Whoever was prepared knows who was to be started."""
    fleet.fault = lambda name, asked, moment: "crash" if (asked, moment, name) == (verb, when, "h3") else ""
    with pytest.raises(Crash):
        fleet.converge(web(*NAMES))
    fleet.fault = lambda *call: ""
    for memory in fleet.hosts.values():
        memory.now_s += 3600
    assert fleet.converge(web("h1", "h2", replicas=2)).exit_code == 0
    assert_gone(fleet, web("h1", "h2", replicas=2))


def test_it_had_a_proxy_and_no_replica(fleet: Fleet) -> None:
    """The record says of it what no placement says."""
    assert fleet.converge(exposed(*NAMES)).exit_code == 0
    assert fleet.hosts["h3"].containers
    assert not fleet.counts().get("h3")
    fewer = PlanPolicy(guard=GuardPolicy(allow_vanished=True))
    assert fleet.converge(exposed("h1", "h2"), fewer).exit_code == 0
    assert_gone(fleet, exposed("h1", "h2"))


def test_it_left_the_inventory_too(fleet: Fleet) -> None:
    """A note says so once: nobody can look there."""
    fleet.converge(web(*NAMES))
    fleet.hosts["h3"].reachable = False
    fleet.converge(web("h1", "h2", replicas=2))
    gone = web("h1", "h2", replicas=2, known=HOSTS[:2])
    (planned,) = fleet.plan(gone).projects
    assert any("h3 left the inventory" in note for note in planned.notes)
    assert fleet.converge(gone).exit_code == 0
    (planned,) = fleet.plan(gone).projects
    assert (planned.steps, planned.notes) == ((), ())


def test_a_host_that_joins_and_gets_nothing_is_nothing_to_remember(fleet: Fleet) -> None:
    """So nothing is written anywhere."""
    fleet.converge(web("h1", "h2", replicas=2))
    assert not fleet.plan(web(*NAMES, replicas=2))


def test_a_host_that_joins_with_a_proxy_is_remembered(fleet: Fleet) -> None:
    """By the hosts that have something on record, although nothing else changes for them."""
    fleet.converge(exposed("h1", "h2"))
    report = fleet.converge(exposed(*NAMES))
    records = [s.host for s in report.plan.steps if s.kind is StepKind.RECORD and s.project == "shop"]
    assert records == ["h1"]
    assert fleet.hosts["h1"].folders["shop"].possible_holders == ("h2", "h3")
    assert not fleet.plan(exposed(*NAMES))
