"""A job runs once for each spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from deploytool.core.change.guard import GuardPolicy
from deploytool.model.intent import Mode, Service
from deploytool.model.inventory import Host
from deploytool.plan.policy import PlanPolicy
from tests.builders import Fleet, drained, host, intent, project

HOSTS = [host("h1"), host("h2")]


def job(play: Sequence[Host], tag: int = 1):
    services = (Service("migrate", mode=Mode.REPLICATED_JOB), Service("web", replicas=2))
    return intent(project(*services, hosts=play, images={"migrate": f"demo/migrate:{tag}"}), hosts=HOSTS)


def finished_on_h1() -> Fleet:
    """The job ran on h1 and ended well."""
    fleet = Fleet.of("h1", "h2")
    fleet.converge(job(HOSTS))
    found = fleet.hosts["h1"].containers
    fleet.hosts["h1"].containers = [
        replace(c, state="exited") if c.service == "migrate" else c for c in found
    ]
    assert not fleet.plan(job(HOSTS))
    return fleet


@pytest.mark.parametrize(
    "later", [job([drained(HOSTS[0]), HOSTS[1]]), job(HOSTS[1:])], ids=["drained", "left"]
)
def test_a_finished_job_does_not_run_again_when_its_host_goes(later):
    """It was done, wherever that was; this stays so in every later plan."""
    fleet = finished_on_h1()
    meant = PlanPolicy(guard=GuardPolicy(allow_vanished=True))
    for _ in range(2):
        assert fleet.converge(later, meant).exit_code == 0
        assert [c.service for c in fleet.hosts["h1"].containers] == ["migrate"]
        assert fleet.counts("migrate") == {}
        assert not fleet.plan(later)


def test_a_job_of_another_spec_runs_again_elsewhere():
    """A new migration is another job; the record of the old one goes."""
    fleet = finished_on_h1()
    assert fleet.converge(job([drained(HOSTS[0]), HOSTS[1]], tag=2)).exit_code == 0
    assert fleet.counts("migrate") == {"h2": 1}
    assert not fleet.hosts["h1"].containers
