"""What people read, held as goldens: set UPDATE_GOLDENS=1 to write them anew, and look at the difference."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from deploytool.model.desired import Manifest
from deploytool.model.intent import Service
from deploytool.model.policies import Update
from deploytool.report.plan import plan_text
from tests.builders import Fleet, drained, host, intent, project

GOLDENS = Path(__file__).parent / "goldens"
HOSTS = [host("h1"), host("h2"), host("h3")]
UPDATE = Update(parallelism=2, order="start-first")


def shop(tag: int, replicas: int = 6, hosts=HOSTS):
    services = (Service("web", replicas=replicas, update=UPDATE), Service("cache"))
    return intent(project(*services, hosts=hosts, images={"web": f"demo/web:{tag}"}))


def converged() -> Fleet:
    fleet = Fleet.of("h1", "h2", "h3")
    fleet.converge(shop(1))
    return fleet


def first_start():
    return Fleet.of("h1", "h2", "h3").plan(shop(1))


def nothing():
    return converged().plan(shop(1))


def update_with_a_broken_replica():
    fleet = converged()
    broken = fleet.hosts["h3"].containers
    broken[0] = replace(broken[0], state="exited", exit_code=137)
    return fleet.plan(shop(2))


def drift():
    fleet = converged()
    fleet.hosts["h2"].containers.pop()
    stopped = fleet.hosts["h1"].containers
    stopped[0] = replace(stopped[0], state="exited", exit_code=1)
    return fleet.plan(shop(1))


def drain():
    return converged().plan(shop(1, hosts=[*HOSTS[:2], drained(HOSTS[2])]))


def lost_host():
    fleet = converged()
    fleet.hosts["h3"].reachable = False
    return fleet.plan(shop(1, replicas=7))


def edited_file_on_a_host():
    fleet = converged()
    fleet.hosts["h2"].folders["shop"].manifest = Manifest("edited")
    return fleet.plan(shop(1))


@pytest.mark.parametrize(
    "case",
    [first_start, nothing, update_with_a_broken_replica, drift, drain, lost_host, edited_file_on_a_host],
    ids=lambda case: case.__name__,
)
def test_plan_text(case):
    """The same plan reads the same, to the letter."""
    golden = GOLDENS / f"{case.__name__}.txt"
    text = plan_text(case())
    if os.environ.get("UPDATE_GOLDENS"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")
