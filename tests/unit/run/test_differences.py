"""What ``--diff`` asks the hosts, and what it finds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.backend.memory.engine import MemoryEngine
from deploytool.model.desired import Manifest
from deploytool.model.difference import Difference
from deploytool.model.intent import Intent, Service
from deploytool.plan.policy import PlanPolicy
from deploytool.run.differences import differences
from deploytool.run.rollback import intent_of_releases, release_history
from tests.builders import Fleet, SameEverywhere, drained, host, intent, project

HOSTS = [host("h1"), host("h2"), host("h3")]
SALT = b"salt"


def shop(tag: int = 1, word: str = "hunter2", replicas: int = 6, hosts=HOSTS) -> Intent:
    made = project(Service("web", replicas=replicas), hosts=hosts)
    web = {"image": f"demo/web:{tag}", "environment": {"GREETING": "hello", "PASSWORD": word}}
    return intent(replace(made, definitions=SameEverywhere({"web": web})), hosts=HOSTS)


def differ(fleet: Fleet, wanted: Intent, policy: PlanPolicy = PlanPolicy()) -> list[Difference]:
    run = fleet.run(wanted, policy)
    plan, seen = run.plan()
    return differences(plan, seen, run.backend, 4, SALT)


@pytest.fixture
def fleet() -> Fleet:
    """Two replicas of version 1 on each of three hosts, release 1."""
    fleet = Fleet.of("h1", "h2", "h3")
    assert fleet.converge(shop()).exit_code == 0
    return fleet


def engine_execs(fleet: Fleet) -> dict[str, list[str]]:
    return {name: engine.execs for name, engine in fleet.engines.items()}


def test_a_change_is_found_on_every_host_and_nothing_secret_is_in_it(fleet):
    """The same text for all hosts; both values are masked, and differ."""
    found = differ(fleet, shop(2, "correct horse"))
    assert [(d.host, d.release, d.note) for d in found] == [("h1", 1, ""), ("h2", 1, ""), ("h3", 1, "")]
    assert len({(d.before, d.after) for d in found}) == 1
    changed = set(found[0].before.splitlines()) ^ set(found[0].after.splitlines())
    assert sorted(line.split(":")[0].strip() for line in changed) == ["PASSWORD"] * 2 + ["image"] * 2
    assert "hunter2" not in str(found)
    assert "correct" not in str(found)


def test_only_hosts_that_differ_are_asked_and_each_once(fleet):
    """One more replica is a change for one host; the others are looked at and no more."""
    found = differ(fleet, shop(replicas=7))
    assert len(found) == 1
    other = {found[0].host: ["observe", "releases"]}
    assert engine_execs(fleet) == {"h1": ["observe"], "h2": ["observe"], "h3": ["observe"], **other}


def test_nothing_to_do_asks_nobody(fleet):
    """As without --diff."""
    assert differ(fleet, shop()) == []
    assert all(execs == ["observe"] for execs in engine_execs(fleet).values())


def test_a_first_start_is_all_new_and_asks_nobody():
    """There is nothing to compare with."""
    fleet = Fleet.of("h1", "h2", "h3")
    found = differ(fleet, shop())
    assert [(d.before, d.release, "demo/web:1" in d.after) for d in found] == [("", 0, True)] * 3
    assert all(execs == ["observe"] for execs in engine_execs(fleet).values())


def test_a_drained_host_loses_all(fleet):
    """Its file is removed."""
    found = {d.host: d for d in differ(fleet, shop(hosts=[*HOSTS[:2], drained(HOSTS[2])]))}
    assert (bool(found["h3"].before), found["h3"].after) == (True, "")


def test_hosts_outside_the_limit_are_not_shown(fleet):
    """What the plan does not touch does not change."""
    assert [d.host for d in differ(fleet, shop(2), PlanPolicy(limit=frozenset({"h2"})))] == ["h2"]


def test_an_edit_by_hand_is_told(fleet):
    """The release is compared with, and a note says that the file is another one."""
    folder = fleet.hosts["h2"].folders["shop"]
    folder.manifest = Manifest(folder.manifest.text.replace("hello", "a secret edit"))
    (found,) = differ(fleet, shop())
    assert (found.host, found.before == found.after) == ("h2", True)
    assert "is not that of release 1" in found.note
    assert "secret edit" not in str(found)


def test_a_file_that_differs_only_in_comments_says_so(fleet):
    """The plan would write it, so silence would be a riddle."""
    wanted = shop()
    moved = replace(wanted, projects=tuple(replace(p, play="site.yaml: moved") for p in wanted.projects))
    found = differ(fleet, moved, replace(PlanPolicy(), guard=replace(PlanPolicy().guard, take_over=True)))
    assert {d.note for d in found} == {"only comments and deploytool's own labels differ"}


@pytest.mark.parametrize("harm", ["forgotten", "damaged", "no release"])
def test_a_release_that_cannot_be_read_is_a_note(fleet, harm):
    """The plan is good without it; the damaged text is not quoted."""
    folder = fleet.hosts["h1"].folders["shop"]
    (stored,) = folder.history
    folder.history = [replace(stored, manifest=Manifest("PASSWORD: 'hunter2\n"))] if harm == "damaged" else []
    folder.release = None if harm == "no release" else folder.release
    found = {d.host: d for d in differ(fleet, shop(2))}
    assert found["h1"].note == "what is there now is not known: no release can be read"
    assert "hunter2" not in str(found)
    assert found["h2"].before != found["h2"].after


def test_a_host_that_is_lost_meanwhile_is_a_note(fleet):
    """The others are shown."""
    fleet.fault = lambda name, verb, when: "lost" if (name, verb) == ("h2", "releases") else ""
    found = {d.host: d for d in differ(fleet, shop(2))}
    assert found["h2"].note == "what is there now is not known: no answer"
    assert found["h3"].before != found["h3"].after


def test_a_rollback_shows_the_way_back(fleet):
    """The older definition is the wanted one."""
    forth = {d.host: (d.before, d.after) for d in differ(fleet, shop(2, "correct horse"))}
    assert fleet.converge(shop(2, "correct horse")).exit_code == 0
    run = fleet.run(shop(2, "correct horse"))
    old = release_history(run.intent.projects[0], run.observe(), run.backend, 4)
    run.intent, schedules = intent_of_releases(run.intent, [(old, old.rollback_target(None))], run.backend)
    run.policy = run.policy.pinning(schedules)
    plan, seen = run.plan()
    found = differences(plan, seen, run.backend, 4, SALT)
    assert {d.host: (d.after, d.before) for d in found} == forth


def test_two_projects_of_one_host_are_asked_one_after_the_other(fleet, monkeypatch):
    """An engine is for one thread at a time."""
    busy: set[str] = set()
    releases = MemoryEngine.releases

    def alone(self, name):
        assert self.host.name not in busy
        busy.add(self.host.name)
        told = releases(self, name)
        busy.remove(self.host.name)
        return told

    monkeypatch.setattr(MemoryEngine, "releases", alone)
    blog = project(Service("blog", replicas=3), hosts=HOSTS, name="blog")
    both = intent(*shop().projects, blog)
    assert fleet.converge(both).exit_code == 0
    newer = intent(*shop(2).projects, replace(blog, definitions=SameEverywhere({"blog": {"image": "b:2"}})))
    assert [d.project for d in differ(fleet, newer)] == ["blog"] * 3 + ["shop"] * 3
