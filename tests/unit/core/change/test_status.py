"""Expected and actual side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.core.change.status import status_of
from deploytool.errors import NoHost
from deploytool.model.intent import Mode, Service
from deploytool.model.release import Lease
from deploytool.model.status import Row
from tests.builders import Fleet, drained, host, intent, project

HOSTS = [host("h1"), host("h2")]
SHOP = project(Service("web", replicas=4), hosts=HOSTS)
INTENT = intent(SHOP)


def look(fleet, wanted=INTENT, **only):
    run = fleet.run(wanted)
    seen = run.observe()
    return status_of(wanted, seen, run.backend.plan(run.intent, seen, run.policy), **only)


def converged() -> Fleet:
    fleet = Fleet.of("h1", "h2")
    assert fleet.converge(INTENT).exit_code == 0
    return fleet


def change(fleet: Fleet, host_name: str, position: int, **fields: object) -> None:
    containers = fleet.hosts[host_name].containers
    containers[position] = replace(containers[position], **fields)


def test_before_anything_runs_all_is_missing():
    """And there is something to do."""
    found = look(Fleet.of("h1", "h2"))
    assert [(r.host, r.expected, r.running, r.state) for r in found.rows] == [
        ("h1", 2, 0, "missing"),
        ("h2", 2, 0, "missing"),
    ]
    assert (found.projects[0].release, found.pending) == (None, True)


def test_converged_is_ok_with_its_release():
    """And there is nothing to do."""
    fleet = converged()
    change(fleet, "h1", 0, started_s=fleet.hosts["h1"].now_s - 90)
    change(fleet, "h1", 1, started_s=fleet.hosts["h1"].now_s - 30)
    found = look(fleet)
    assert [(r.state, r.healthy, r.current) for r in found.rows] == [("ok", 2, 2), ("ok", 2, 2)]
    assert found.rows[0].age_s == 30
    assert (found.projects[0].release.number, found.projects[0].leases, found.pending) == (1, (), False)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"health": "unhealthy"}, "unhealthy"),
        ({"health": "starting"}, "starting"),
        ({"state": "restarting"}, "restarting"),
        ({"state": "exited", "exit_code": 1}, "missing"),
        ({"spec": "an older one"}, "outdated"),
    ],
)
def test_one_word_says_what_is_wrong(fields, state):
    """Of the one service on the one host."""
    fleet = converged()
    change(fleet, "h1", 1, **fields)
    assert [row.state for row in look(fleet).rows] == [state, "ok"]


def test_surplus_is_what_nobody_expects():
    """A replica too many."""
    fleet = converged()
    fleet.hosts["h1"].containers.append(replace(fleet.hosts["h1"].containers[0], id="more", number=9))
    assert look(fleet).rows[0].state == "surplus"


def test_a_host_that_does_not_answer_is_not_known():
    """What is expected there stays on paper."""
    fleet = converged()
    fleet.hosts["h2"].reachable = False
    found = look(fleet)
    assert found.rows[1] == Row("shop", "web", "h2", 2)
    assert (found.rows[1].state, found.unreachable) == ("unreachable", {"h2": "no answer"})


def test_a_job_that_ended_well_is_done():
    """It is not missing."""
    job = project(Service("migrate", mode=Mode.REPLICATED_JOB), hosts=HOSTS)
    fleet = Fleet.of("h1", "h2")
    fleet.converge(intent(job))
    (host_name,) = fleet.counts("migrate")
    change(fleet, host_name, 0, state="exited", exit_code=0)
    (row,) = look(fleet, intent(job)).rows
    assert (row.state, row.done, row.running) == ("done", 1, 0)


def test_only_what_was_asked_for():
    """Hosts and services that were not named are left out, also among those that did not answer."""
    fleet = converged()
    fleet.hosts["h2"].reachable = False
    found = look(fleet, hosts={"h1"})
    assert ({row.host for row in found.rows}, found.unreachable) == ({"h1"}, {})
    assert look(fleet, services={("shop", "other")}).rows == ()


def test_a_lease_is_told_while_it_holds():
    """Once, with all its hosts; one by hand without an end; none that has expired."""
    fleet = converged()
    now_s = fleet.hosts["h1"].now_s
    for name, left_s in (("h1", 40), ("h2", 30)):
        fleet.hosts[name].folders["shop"].lease = Lease("ci", who="ci@runner", expires_s=now_s + left_s)
    (held,) = look(fleet).projects[0].leases
    assert (held.lease.who, held.hosts, held.seconds_left) == ("ci@runner", ("h1", "h2"), 30)
    fleet.hosts["h1"].folders["shop"].lease = Lease("me", manual=True, expires_s=now_s - 5)
    fleet.hosts["h2"].folders["shop"].lease = Lease("ci", expires_s=now_s - 5)
    assert [held.lease.owner for held in look(fleet).projects[0].leases] == ["me"]


def test_without_a_plan_the_hosts_are_shown_all_the_same():
    """Nothing is expected, and the reasons are kept."""
    fleet = converged()
    wanted = intent(project(Service("web", replicas=4), hosts=[drained(h) for h in HOSTS]))
    run = fleet.run(wanted)
    seen = run.observe()
    with pytest.raises(NoHost) as caught:
        run.backend.plan(run.intent, seen, run.policy)
    found = status_of(wanted, seen, None, problems=caught.value.problems)
    assert [(r.expected, r.healthy, r.state) for r in found.rows] == [(None, 2, "unplanned")] * 2
    assert (found.problems, found.pending) == (caught.value.problems, True)
