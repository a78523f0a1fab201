"""Going back is a run of its own: the older definitions and placements, through the same door."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.backend.memory.host import Crash
from deploytool.errors import Refused, UsageError
from deploytool.model.event import FailureOutcome
from deploytool.model.intent import Service
from deploytool.model.policies import Update
from deploytool.report.run_text import ending_lines
from deploytool.run.rollback import release_history
from tests.builders import Fleet, drained, host, intent, project

HOSTS = [host("h1"), host("h2"), host("h3")]


def shop(tag: int, replicas: int = 6, hosts=HOSTS):
    services = (Service("web", replicas=replicas), Service("db"))
    return intent(project(*services, hosts=hosts, images={"web": f"demo/web:{tag}$x"}), hosts=HOSTS)


def go_back(fleet: Fleet, wanted, number: int | None = None):
    run = fleet.run(wanted)
    seen = run.observe()
    old = release_history(run.intent.projects[0], seen, run.backend, 4)
    run.roll_back_to([(old, old.rollback_target(number))])
    return run.converge()


@pytest.fixture
def fleet():
    """Three releases: six of version 1, three of version 2, three of version 3."""
    fleet = Fleet.of("h1", "h2", "h3")
    for tag, replicas in ((1, 6), (2, 3), (3, 3)):
        assert fleet.converge(shop(tag, replicas)).exit_code == 0
    return fleet


def test_a_rollback_brings_back_images_and_counts(fleet):
    """Without a number, the release before the current one; the record is a new release."""
    report = go_back(fleet, shop(3, 3))
    assert (report.exit_code, fleet.images(), sum(fleet.counts().values())) == (0, {"demo/web:2$x"}, 3)
    assert fleet.hosts["h1"].folders["shop"].release.number == 4


def test_an_older_release_can_be_named(fleet):
    """Its counts come back with it, host by host."""
    assert go_back(fleet, shop(3, 3), 1).exit_code == 0
    assert (fleet.images(), fleet.counts()) == ({"demo/web:1$x"}, {"h1": 2, "h2": 2, "h3": 2})


def test_what_was_rolled_back_to_has_the_specs_it_had(fleet):
    """Converging the old files afterwards changes no container: it is the same definition."""
    go_back(fleet, shop(3, 3), 1)
    before = fleet.ids()
    assert fleet.converge(shop(1, 6)).exit_code == 0
    assert fleet.ids() == before


def test_a_rollback_of_a_rollback_goes_forward_again(fleet):
    """The release before the rollback is the one that it replaced."""
    go_back(fleet, shop(3, 3))
    go_back(fleet, shop(3, 3))
    assert fleet.images() == {"demo/web:3$x"}


@pytest.mark.parametrize("fault", ["sick", "crash"])
def test_an_update_that_came_to_no_end_is_taken_back_to_what_ran_before_it(fleet, fault):
    """Paused or killed half way: not one release too far. What failed and was kept is gone as well."""
    if fault == "sick":
        fleet.hosts["h2"].sick.add("demo/web:4$x")
        assert fleet.converge(shop(4, 3)).exit_code == 5
    else:
        fleet.fault = lambda name, verb, when: "crash" if (name, verb) == ("h2", "start") else ""
        with pytest.raises(Crash):
            fleet.converge(shop(4, 3))
        fleet.fault = lambda *call: ""
        for memory in fleet.hosts.values():
            memory.now_s += 3600
    assert "demo/web:4$x" in fleet.images()
    assert go_back(fleet, shop(4, 3)).exit_code == 0
    assert (fleet.images(), sum(fleet.counts().values())) == ({"demo/web:3$x"}, 3)
    assert go_back(fleet, shop(4, 3)).exit_code == 0
    assert fleet.images() == {"demo/web:2$x"}, "now that it is whole, one goes back from it"


def test_what_the_newer_release_brought_goes_with_it(fleet):
    """However much that is: who goes back to a release means what it did not have."""
    services = (Service("web", replicas=3), Service("db"), Service("new", replicas=6))
    wanted = intent(project(*services, hosts=HOSTS, images={"web": "demo/web:3$x"}), hosts=HOSTS)
    assert fleet.converge(wanted).exit_code == 0
    assert go_back(fleet, wanted).exit_code == 0
    assert (fleet.counts("new"), sum(fleet.counts().values())) == ({}, 3)


def test_a_rollback_tolerates_the_share_of_its_replicas_that_it_says():
    """A third of six replicas do not get well again: with a half tolerated the others go back, too."""
    fleet = Fleet.of("h1", "h2", "h3")
    rolling = Update(parallelism=2, max_failure_ratio=0.5)

    def wanted(tag: int):
        services = (Service("web", replicas=6, rollback=rolling),)
        return intent(project(*services, hosts=HOSTS, images={"web": f"demo/web:{tag}"}), hosts=HOSTS)

    for tag in (1, 2):
        assert fleet.converge(wanted(tag)).exit_code == 0
    fleet.hosts["h1"].sick.add("demo/web:1")
    assert go_back(fleet, wanted(2)).exit_code == 5
    images = {name: {c.image for c in memory.containers} for name, memory in fleet.hosts.items()}
    assert images["h2"] == images["h3"] == {"demo/web:1"}


def test_drift_is_no_update(fleet):
    """What crashed or is gone does not make a rollback stay where it is."""
    fleet.hosts["h1"].containers.clear()
    assert go_back(fleet, shop(3, 3)).exit_code == 0
    assert fleet.images() == {"demo/web:2$x"}


def test_there_is_nothing_before_the_first_release():
    """A sentence, not a stack trace; and an unknown number names the known ones."""
    fleet = Fleet.of("h1", "h2", "h3")
    fleet.converge(shop(1))
    with pytest.raises(UsageError, match="no release before"):
        go_back(fleet, shop(1))
    with pytest.raises(UsageError, match="no release 7") as caught:
        go_back(fleet, shop(1), 7)
    assert "remember 1" in caught.value.hint


def test_a_host_that_is_away_does_not_hold_a_rollback_up(fleet):
    """The others go back, exit 4; its replicas stay on paper, so that they start nowhere else."""
    fleet.hosts["h3"].reachable = False
    report = go_back(fleet, shop(3, 3), 1)
    assert (report.exit_code, list(report.unreachable)) == (4, ["h3"])
    assert [fleet.counts()[name] for name in ("h1", "h2")] == [2, 2]
    fleet.hosts["h3"].reachable = True
    assert go_back(fleet, shop(3, 3), 1).exit_code == 0
    assert (fleet.images(), fleet.counts()) == ({"demo/web:1$x"}, {"h1": 2, "h2": 2, "h3": 2})


def test_a_host_that_comes_back_meanwhile_is_left_as_it_is(fleet):
    """Nobody asked it what it remembers."""
    before = fleet.hosts["h3"].containers
    fleet.hosts["h3"].reachable = False
    run = fleet.run(shop(3, 3))
    old = release_history(run.intent.projects[0], run.observe(), run.backend, 4)
    run.roll_back_to([(old, old.rollback_target(1))])
    fleet.hosts["h3"].reachable = True
    assert run.converge().exit_code == 4
    assert fleet.hosts["h3"].containers == before


def test_a_host_that_answers_and_does_not_remember_the_release_is_refused(fleet):
    """What ran there is not known, and it can be asked for nothing else."""
    fleet.hosts["h3"].folders["shop"].history.clear()
    with pytest.raises(Refused, match="ran on h3, which does not remember it"):
        go_back(fleet, shop(3, 3), 1)


def test_a_release_whose_hosts_are_all_away_is_refused():
    """There is nothing to go back with."""
    fleet = Fleet.of("h1", "h2", "h3")
    off_h1, on_h1 = [drained(HOSTS[0]), *HOSTS[1:]], [HOSTS[0], *map(drained, HOSTS[1:])]
    for tag, hosts in enumerate((on_h1, off_h1, on_h1)):
        assert fleet.converge(shop(tag, 2, hosts)).exit_code == 0
    fleet.hosts["h2"].reachable = fleet.hosts["h3"].reachable = False
    with pytest.raises(Refused, match="release 2 ran on h2, h3, and none of these answers"):
        go_back(fleet, shop(2, 2, on_h1))


def careful(tag: int, hosts=HOSTS):
    update = Update(parallelism=2, order="start-first", failure_action="rollback")
    services = (Service("web", replicas=6, update=update), Service("db"))
    return intent(project(*services, hosts=hosts, images={"web": f"demo/web:{tag}"}), hosts=HOSTS)


def test_a_failed_update_rolls_itself_back():
    """failure_action: rollback: the whole play as it was, exit 5, and the report says so."""
    fleet = Fleet.of("h1", "h2", "h3")
    fleet.converge(careful(1))
    before = fleet.ids()
    fleet.hosts["h2"].sick.add("demo/web:2")
    report = fleet.converge(careful(2))
    assert (report.exit_code, dict(report.rolled_back), bool(report.left)) == (5, {"shop": 1}, False)
    assert fleet.images() == {"demo/web:1"}
    assert len(before & fleet.ids()) >= 4, "what was not replaced yet stays as it is"
    assert not any(memory.folders["shop"].lease for memory in fleet.hosts.values())
    assert not fleet.plan(careful(1))


def test_a_failed_rollback_is_not_rolled_back_again():
    """It stays as it is, and the report says that it does not hold."""
    fleet = Fleet.of("h1", "h2", "h3")
    fleet.converge(careful(1))
    for memory in fleet.hosts.values():
        memory.sick |= {"demo/web:1", "demo/web:2"}
    report = fleet.converge(careful(2, [*HOSTS]))
    assert report.exit_code == 5
    assert not any(memory.folders["shop"].lease for memory in fleet.hosts.values())


def test_a_first_release_that_fails_has_nothing_to_roll_back_to():
    """It pauses, and a note says why."""
    fleet = Fleet.of("h1", "h2", "h3")
    for memory in fleet.hosts.values():
        memory.sick.add("demo/web:1")
    report = fleet.converge(careful(1))
    assert (report.exit_code, dict(report.rolled_back)) == (5, {})
    assert any("no release to roll back to" in getattr(event, "message", "") for event in fleet.events)


def test_a_repair_that_fails_does_not_roll_back_to_what_it_repairs():
    """The release on record is the wanted one already: making it again would fail again."""
    fleet = Fleet.of("h1", "h2", "h3")
    assert fleet.converge(careful(1)).exit_code == 0
    for memory in fleet.hosts.values():
        memory.sick |= fleet.images()
    fleet.hosts["h1"].containers.clear()
    report = fleet.converge(careful(1))
    assert (report.exit_code, report.rolled_back) == (5, {})
    assert not any("rolling back" in str(event) for event in fleet.events)


@pytest.mark.parametrize("fields", [{}, {"max_fail_percent": 0.0}, {"any_errors_fatal": True}])
def test_a_lost_host_does_not_keep_the_others_from_being_rolled_back(fields):
    """They go back; it is left on paper and named, and what runs there is set right when it is back."""
    fleet = Fleet.of("h1", "h2", "h3")
    fleet.converge(careful(1))
    before = fleet.hosts["h3"].containers
    for name in ("h1", "h2"):
        fleet.hosts[name].sick.add("demo/web:2")
    fleet.fault = lambda name, verb, when: "lost" if (name, verb) == ("h3", "releases") else ""
    wish = replace(careful(2), projects=tuple(replace(p, **fields) for p in careful(2).projects))
    report = fleet.converge(wish)
    assert (report.exit_code, dict(report.endings)) == (5, {"shop": FailureOutcome.ROLLED_BACK})
    assert list(report.unreachable) == ["h3"]
    assert "shop: rolled back to release 1, which runs on all hosts but h3." in ending_lines(report)
    images = {c.image for n in ("h1", "h2") for c in fleet.hosts[n].containers if c.service == "web"}
    assert images == {"demo/web:1"}
    assert [fleet.counts()[name] for name in ("h1", "h2")] == [2, 2], "its replicas start nowhere else"
    assert fleet.hosts["h3"].containers == before
    fleet.fault = lambda *call: ""
    for memory in fleet.hosts.values():
        memory.reachable, memory.now_s = True, memory.now_s + 3600
    assert fleet.converge(careful(1)).exit_code == 0
    assert fleet.counts() == {"h1": 2, "h2": 2, "h3": 2}


def test_a_host_that_left_the_inventory_does_not_keep_the_others_from_being_rolled_back():
    """What runs there is what ran there before: so all is as it was."""
    fleet = Fleet.of("h1", "h2", "h3")
    fleet.converge(careful(1))
    before = fleet.ids()
    for name in ("h1", "h2"):
        fleet.hosts[name].sick.add("demo/web:2")
    report = fleet.converge(replace(careful(2, HOSTS[:2]), inventory=intent(hosts=HOSTS[:2]).inventory))
    assert dict(report.endings) == {"shop": FailureOutcome.ROLLED_BACK}
    assert fleet.counts() == {"h1": 2, "h2": 2, "h3": 2}
    assert fleet.images() == {"demo/web:1"}
    assert len(before & fleet.ids()) >= 6
