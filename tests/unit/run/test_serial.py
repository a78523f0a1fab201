"""serial, max_fail_percentage, any_errors_fatal, failure_action: continue — on hosts in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.model.intent import Service
from deploytool.model.policies import Update
from tests.builders import Fleet, host, intent, project

NAMES = ("h1", "h2", "h3", "h4")
HOSTS = [host(name) for name in NAMES]


def shop(tag: int, update: Update = Update(parallelism=0), **fields):
    services = (Service("web", replicas=8, update=update),)
    return intent(replace(project(*services, hosts=HOSTS, images={"web": f"demo/web:{tag}"}), **fields))


def changed_together(fleet: Fleet, wish) -> list[set[str]]:
    """The hosts that hold both versions or none at some moment, at each verb."""
    moments = []

    def watch(name: str, verb: str, when: str) -> str:
        versions = {n: {c.image for c in m.containers} for n, m in fleet.hosts.items()}
        moments.append(
            {n for n, images in versions.items() if images != {"demo/web:1"} and images != {"demo/web:2"}}
        )
        return ""

    fleet.fault = watch
    assert fleet.converge(wish).exit_code == 0
    return moments


@pytest.mark.parametrize(("serial", "most"), [(("1",), 1), (("2",), 2), (("25%",), 1)])
def test_no_more_hosts_change_at_a_time_than_serial_says(serial, most):
    """Whatever the parallelism allows."""
    fleet = Fleet.of(*NAMES)
    fleet.converge(shop(1))
    assert max(len(hosts) for hosts in changed_together(fleet, shop(2, serial=serial))) <= most
    assert fleet.images() == {"demo/web:2"}


def sick_on(fleet: Fleet, *names: str) -> Fleet:
    fleet.converge(shop(1))
    for name in names:
        fleet.hosts[name].sick.add("demo/web:2")
    return fleet


def updated(fleet: Fleet) -> set[str]:
    return {n for n, m in fleet.hosts.items() if {c.image for c in m.containers} == {"demo/web:2"}}


def test_a_failure_ends_the_batches_that_follow():
    """max_fail_percentage: 0: the first sick host is the last one that changes."""
    fleet = sick_on(Fleet.of(*NAMES), "h2")
    report = fleet.converge(shop(2, serial=("1",), max_fail_percent=0.0))
    assert (report.exit_code, updated(fleet) - {"h2"}) == (5, {"h1"})


def test_a_tolerated_failure_does_not():
    """Half of a batch may fail; more may not."""
    fleet = sick_on(Fleet.of(*NAMES), "h1")
    fleet.converge(shop(2, serial=("2",), max_fail_percent=50.0))
    assert updated(fleet) >= {"h2", "h3", "h4"}
    fleet = sick_on(Fleet.of(*NAMES), "h1", "h2")
    fleet.converge(shop(2, serial=("2",), max_fail_percent=50.0))
    assert not updated(fleet) & {"h3", "h4"}


def test_failure_action_continue_goes_on_elsewhere():
    """The sick host is reported; the others get the new version one after the other."""
    fleet = sick_on(Fleet.of(*NAMES), "h2")
    report = fleet.converge(shop(2, Update(parallelism=2, failure_action="continue")))
    assert report.exit_code == 5
    assert updated(fleet) >= {"h1", "h3", "h4"}


def test_failures_within_the_ratio_are_tolerated():
    """max_failure_ratio counts replicas of the service."""
    fleet = sick_on(Fleet.of(*NAMES), "h2")
    fleet.converge(shop(2, Update(parallelism=2, max_failure_ratio=0.25)))
    assert updated(fleet) >= {"h1", "h3", "h4"}
    fleet = sick_on(Fleet.of(*NAMES), "h2")
    fleet.converge(shop(2, Update(parallelism=2, max_failure_ratio=0.1)))
    assert not updated(fleet) & {"h3", "h4"}


def test_any_errors_fatal_ends_other_services_too():
    """What had not begun in the play does not begin."""
    services = (Service("web", replicas=4), Service("late", replicas=4, update=Update(parallelism=1)))

    def both(tag: int, **fields):
        images = {"web": f"demo/web:{tag}", "late": f"demo/late:{tag}"}
        return intent(replace(project(*services, hosts=HOSTS, images=images), **fields))

    fleet = Fleet.of(*NAMES)
    fleet.converge(both(1))
    fleet.hosts["h1"].sick.add("demo/web:2")
    report = fleet.converge(both(2, any_errors_fatal=True))
    assert report.exit_code == 5
    assert "demo/late:1" in fleet.images("late")
