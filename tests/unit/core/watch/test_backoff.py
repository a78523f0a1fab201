"""Back-off, budgets and doubt: times are numbers, nothing waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deploytool.core.watch.backoff import (
    BUDGET_WINDOW_S,
    DOUBT_FAILURES,
    FORGIVEN_AFTER_S,
    History,
    budget,
    next_delay,
)
from deploytool.model.container import Container
from deploytool.model.intent import Mode, Service
from deploytool.model.observed import ObservedHost
from tests.builders import host, project

SHOP = project(Service("web", replicas=3), hosts=[host("h1"), host("h2")])
WEB = ("shop", "web")


def replica(**fields: Any) -> Container:
    known = {
        "id": "c1",
        "name": "shop-web-1",
        "project": "shop",
        "service": "web",
        "number": 1,
        "spec": "1:a",
    }
    return Container(**{**known, **fields})


def seen(*containers: Container) -> ObservedHost:
    return ObservedHost(containers=containers)


def crash(number: int, **fields: Any) -> Container:
    """The same replica after its start number ``number`` ended badly."""
    return replica(**{"state": "exited", "exit_code": 1, "started_s": float(number), **fields})


class Watched:
    """One host, looked at again and again."""

    def __init__(self) -> None:
        self.history, self.before, self.now_s = History(), None, 0.0

    def look(self, *containers: Container, after_s: float = 1.0) -> None:
        self.now_s += after_s
        after = seen(*containers)
        self.history = self.history.looked("h1", self.before, after, {("shop", "job")}, self.now_s)
        self.before = after

    @property
    def backs_off(self) -> bool:
        return "c1" in self.history.backing_off([SHOP], self.now_s).containers


def test_the_delays_double_from_ten_seconds_to_five_minutes():
    """The first failure costs nothing, and no number of failures more than five minutes."""
    assert [next_delay(n) for n in range(9)] == [0, 0, 10, 20, 40, 80, 160, 300, 300]
    assert next_delay(10**9) == 300


def test_a_replica_that_fails_again_and_again_waits_longer_each_time():
    """It is tried at once, then after 10 s, then after 20 s: each start that ends badly counts once."""
    watched = Watched()
    watched.look(crash(1))
    assert not watched.backs_off
    watched.look(crash(1))
    assert watched.history.containers["c1"].failures == 1
    for number, delay_s in ((2, 10), (3, 20), (4, 40)):
        watched.look(crash(number))
        assert watched.backs_off
        assert watched.history.wakes_s([SHOP], watched.now_s) == watched.now_s + delay_s
        watched.now_s += delay_s
        assert not watched.backs_off


def test_ten_minutes_of_health_forgive_everything():
    """Less do not; an interruption starts them anew."""
    watched = Watched()
    watched.look(crash(1))
    watched.look(crash(2))
    watched.look(replica(started_s=3.0))
    watched.look(replica(started_s=3.0), after_s=FORGIVEN_AFTER_S - 1)
    assert watched.history.containers["c1"].failures == 2
    watched.look(replica(started_s=3.0), after_s=1)
    assert not watched.history.containers


@pytest.mark.parametrize(
    ("container", "why"),
    [
        (crash(2), "exited (1)"),
        (crash(2, exit_code=0), "exited (0)"),
        (crash(2, exit_code=137, oom_killed=True), "ran out of memory"),
        (replica(health="unhealthy"), "is unhealthy"),
        (replica(restarts=4, exit_code=3), "was restarted 4 times, the last time after exit code 3"),
        (replica(state="restarting", restarts=2, exit_code=1), "was restarted 2 times"),
    ],
)
def test_what_counts_as_a_failure(container, why):
    """It ended by itself, ran out of memory, got unhealthy, or Docker had to restart it."""
    watched = Watched()
    watched.look(replica())
    watched.look(container)
    assert watched.history.containers["c1"].why.startswith(why)


@pytest.mark.parametrize(
    "container",
    [
        crash(2, exit_code=137),
        crash(2, exit_code=143),
        crash(2, exit_code=255),
        replica(health="starting"),
        replica(state="paused"),
        replica(service="job", state="exited"),
        replica(spec=""),
    ],
)
def test_what_does_not(container):
    """Killed from outside, lost with its engine, a job that is done, or not ours: nobody's fault."""
    watched = Watched()
    watched.look(replica())
    watched.look(container)
    assert not watched.history.containers


def test_who_is_stopped_on_purpose_does_not_fail():
    """Nor does it later, when it is seen to be stopped still."""
    history = History().looked("h1", seen(replica()), seen(crash(1)), (), 1.0, {"c1"})
    assert history.looked("h1", seen(crash(1)), seen(crash(1)), (), 2.0).containers == {}


def test_a_new_container_takes_over_the_failures_of_the_one_before():
    """Being made anew is no way out of the back-off; and while nobody is there, nobody is started early."""
    watched = Watched()
    watched.look(replica(health="unhealthy"))
    watched.look(replica(health="unhealthy", started_s=2.0))
    watched.look()
    assert watched.history.backing_off([SHOP], watched.now_s).missing == {("shop", "web", "h1"): 1}
    watched.look(replica(id="c2", health="starting"))
    watched.look(replica(id="c2", health="unhealthy"))
    assert watched.history.containers["c2"].failures == 3
    assert not watched.history.orphans


def test_failures_of_those_who_are_gone_for_good_are_forgotten():
    """A service that was scaled down leaves nothing behind: memory does not grow."""
    watched = Watched()
    for number in range(50):
        watched.look(crash(number, id=f"c{number}"))
        watched.look()
    watched.look(after_s=1000)
    assert not watched.history.orphans
    assert not watched.history.containers


def test_a_repair_that_did_not_help_makes_its_service_wait():
    """Ten seconds after the first, twenty after the second; one that helps ends it."""
    history = History().judged({WEB: "image x cannot be pulled"}, (), 100.0)
    assert history.backing_off([SHOP], 109.9).services == {WEB}
    assert history.backing_off([SHOP], 110.0).services == set()
    history = history.judged({WEB: "image x cannot be pulled"}, (), 110.0)
    assert history.wakes_s([SHOP], 110.0) == 130.0
    assert history.judged({}, {WEB}, 140.0).services == {}


def test_a_host_that_cannot_be_prepared_waits_for_its_project_only():
    """The other projects of the host, and the other hosts of the project, go on."""
    rest = History().prepared({("shop", "h1"): "disk full"}, (), 0.0).backing_off([SHOP], 5.0)
    assert rest.covers("shop", "web", "h1")
    assert not rest.covers("shop", "web", "h2")
    assert not rest.covers("other", "web", "h1")


def test_a_service_has_a_budget_of_repairs():
    """Thirty in ten minutes for a small one; then it waits until the first is ten minutes old."""
    history = History()
    for second in range(30):
        assert WEB not in history.backing_off([SHOP], float(second)).services
        history = history.repaired([WEB], float(second))
    assert WEB in history.backing_off([SHOP], 30.0).services
    assert history.wakes_s([SHOP], 30.0) == BUDGET_WINDOW_S
    assert WEB not in history.backing_off([SHOP], BUDGET_WINDOW_S).services
    assert WEB in history.backing_off([SHOP], BUDGET_WINDOW_S, limit=5).services


def test_budgets_grow_with_the_service():
    """Ten for each replica, thirty at least, or what somebody asked for; a global one counts hosts."""
    assert (budget(1), budget(20), budget(20, 3)) == (30, 200, 3)
    fleet = project(Service("agent", mode=Mode.GLOBAL), hosts=[host(f"h{n}") for n in range(10)])
    history = History().repaired([("shop", "agent")] * 99, 0.0)
    assert not history.backing_off([fleet], 1.0).services


def test_a_host_where_many_failed_is_in_doubt_for_five_minutes():
    """One less is no reason, and time heals."""
    watched = Watched()
    for number in range(DOUBT_FAILURES - 1):
        watched.look(crash(number))
    assert not watched.history.doubtful(watched.now_s)
    watched.look(crash(99))
    assert watched.history.doubtful(watched.now_s) == {"h1"}
    assert not watched.history.doubtful(watched.now_s + 300)


def test_new_files_are_a_new_chance():
    """What failed before the files changed says nothing about what is there now."""
    watched = Watched()
    watched.look(crash(1))
    watched.look(crash(2))
    history = watched.history.judged({WEB: "x", ("other", "web"): "x"}, (), watched.now_s)
    history = history.prepared({("shop", "h1"): "x"}, (), watched.now_s).repaired([WEB], watched.now_s)
    left = replace(history.without({"shop"}), failure_times={})
    assert left == History(services={("other", "web"): history.services["other", "web"]})
