"""Taking a project down leaves nothing of it but its volumes, and touches no other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.errors import UsageError
from deploytool.model.intent import Service
from deploytool.model.policies import Update
from deploytool.run.down import prepare_down, take_down
from tests.builders import Fleet, host, intent, project

HOSTS = [host("h1"), host("h2")]
SHOP = project(Service("web", replicas=4), hosts=HOSTS)
BLOG = project(Service("api", replicas=2), hosts=HOSTS, name="blog")


def down(fleet: Fleet, wanted, *names: str):
    run = fleet.run(wanted)
    prepare_down(run, names)
    return take_down(run)


@pytest.fixture
def fleet():
    fleet = Fleet.of("h1", "h2")
    assert fleet.converge(intent(SHOP, BLOG)).exit_code == 0
    return fleet


def test_a_project_goes_and_the_other_stays(fleet):
    """Containers, folder, lease: nothing of it is left."""
    before = fleet.ids("api")
    report, failed = down(fleet, intent(SHOP, BLOG), "shop")
    assert (report.exit_code, failed, fleet.counts("web")) == (0, {}, {})
    assert fleet.ids("api") == before
    assert [sorted(memory.folders) for memory in fleet.hosts.values()] == [["blog"], ["blog"]]


def test_a_project_whose_play_is_gone_is_named_and_can_be_taken_down(fleet):
    """It is reported by every plan, removed by nothing but down."""
    fleet_plan = fleet.plan(intent(BLOG, hosts=HOSTS))
    assert not fleet_plan, "its play may have moved to another playbook"
    renamed = intent(project(Service("api", replicas=2), hosts=HOSTS, name="blog"), hosts=HOSTS)
    (note,) = fleet.plan(renamed).notes
    assert "project shop runs on h1, h2" in note
    report, _ = down(fleet, renamed, "shop")
    assert (report.exit_code, fleet.counts("web")) == (0, {})
    assert not fleet.plan(renamed).notes


def test_an_unknown_project_is_a_mistake(fleet):
    """Neither in the files nor on a host."""
    with pytest.raises(UsageError, match="knows a project 'shp'"):
        down(fleet, intent(SHOP), "shp")


def test_a_host_that_does_not_answer_keeps_what_it_has(fleet):
    """Exit 4; the others are emptied, and one more down finishes it, though it left the play by then."""
    fleet.hosts["h2"].reachable = False
    report, _ = down(fleet, intent(SHOP, BLOG), "shop")
    assert (report.exit_code, list(fleet.counts("web"))) == (4, ["h2"])
    fleet.hosts["h2"].reachable = True
    smaller = intent(replace(SHOP, hosts=(HOSTS[0],)), BLOG)
    report, _ = down(fleet, smaller, "shop")
    assert (report.exit_code, fleet.counts("web")) == (0, {})
    assert [sorted(memory.folders) for memory in fleet.hosts.values()] == [["blog"], ["blog"]]


@pytest.mark.parametrize("action", ["pause", "rollback"])
def test_what_cannot_be_stopped_brings_nothing_back(action):
    """Whatever an update would do after a failure: all else goes, and one more down ends it."""
    service = Service("web", replicas=4, update=Update(failure_action=action))
    shop = project(service, hosts=HOSTS)
    fleet = Fleet.of("h1", "h2")
    assert fleet.converge(intent(shop)).exit_code == 0
    assert fleet.converge(intent(project(service, hosts=HOSTS, images={"web": "demo/web:2"}))).exit_code == 0
    fleet.fault = lambda name, verb, when: "it sticks" if (name, verb) == ("h1", "stop") else ""
    report, _ = down(fleet, intent(shop), "shop")
    assert (report.exit_code, report.rolled_back, fleet.counts("web")) == (5, {}, {"h1": 2})
    fleet.fault = lambda *call: ""
    report, _ = down(fleet, intent(shop), "shop")
    assert (report.exit_code, fleet.counts("web")) == (0, {})
