"""The watcher on hosts in memory: what it repairs, what it leaves alone, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from deploytool.errors import InputError, Place, Problem
from deploytool.model.desired import Manifest
from deploytool.model.intent import Constraint, Mode, Service
from deploytool.model.policies import RestartPolicy, Update
from deploytool.model.release import CONVERGED, Lease
from deploytool.run.converge import Run
from tests.builders import Fleet, host, intent, project
from tests.unit.watch.watching import Watching

HOSTS = [host(f"h{n}") for n in range(1, 6)]


def shop(replicas: int = 10, image: str = "demo/web:1", hosts=HOSTS, **fields):
    after = fields.pop("reschedule_after_s", None)
    made = project(Service("web", replicas=replicas, **fields), hosts=hosts, images={"web": image})
    return intent(replace(made, reschedule_after_s=after))


@pytest.fixture
def watch() -> Callable[..., Watching]:
    """Starts a watcher on five hosts, on which everything runs already."""

    def begin(wanted=None, converge=True, **options) -> Watching:
        wanted = wanted or shop()
        fleet = Fleet.of(*(h.name for h in HOSTS))
        if converge:
            fleet.converge(wanted)
        watching = Watching(fleet, wanted, **options)
        watching.settle()
        return watching

    return begin


def test_it_converges_first_and_then_has_nothing_to_do(watch):
    """From empty hosts to all replicas, then one look a minute at each host, and nothing else."""
    watching = watch(converge=False)
    assert watching.fleet.counts() == {"h1": 2, "h2": 2, "h3": 2, "h4": 2, "h5": 2}
    assert watching.snapshot.whole
    before, looks = watching.fleet.ids(), watching.looks("h1")
    watching.turns(600)
    assert watching.fleet.ids() == before
    assert watching.looks("h1") - looks == 10
    assert watching.snapshot.now_s - watching.snapshot.last_success_s <= 60


def test_an_event_leads_to_a_look_at_that_host_alone_and_to_a_repair(watch):
    """A killed container runs again in less than a second of the watcher's own waiting."""
    watching = watch()
    before = {name: watching.looks(name) for name in watching.fleet.hosts}
    killed = watching.change("h2", state="exited", exit_code=137)
    watching.turns(0.5)
    assert sum(watching.fleet.counts().values()) == 10
    assert killed.id in watching.fleet.ids()
    assert [n for n in before if watching.looks(n) > before[n]] == ["h2"]
    removed = watching.remove("h3")
    watching.turns(0.5)
    assert watching.fleet.counts()["h3"] == 2
    assert removed.id not in watching.fleet.ids()


def test_a_lost_event_is_made_up_for_by_the_next_full_look(watch):
    """Within the resync, whatever happened to the events."""
    watching = watch(resync_s=60.0)
    watching.fleet.hosts["h2"].containers.clear()
    watching.turns(61)
    assert watching.fleet.counts()["h2"] == 2


def test_what_dies_while_a_change_goes_on_elsewhere_is_not_forgotten(watch, monkeypatch):
    """The change saw its host last before that; what was heard since counts, and no full look is needed."""
    watching = watch(resync_s=1000.0)
    carry_out, died = Run.carry_out, []

    def die_meanwhile(run: Run, *arguments):
        report, seen = carry_out(run, *arguments)
        if not died:
            died.append(watching.change("h1", 1, state="exited", exit_code=137).id)
            watching.now_s += 1
            watching.watcher.host_cache.look(watching.now_s, 1000.0)
        return report, seen

    monkeypatch.setattr(Run, "carry_out", die_meanwhile)
    watching.change("h1", state="exited", exit_code=137)
    watching.settle()
    assert died
    assert watching.fleet.counts() == {"h1": 2, "h2": 2, "h3": 2, "h4": 2, "h5": 2}


def test_an_unhealthy_replica_is_replaced(watch):
    """Made anew, on its host, and nothing else is touched."""
    watching = watch()
    before = watching.fleet.ids()
    sick = watching.change("h4", health="unhealthy")
    watching.settle()
    assert before - watching.fleet.ids() == {sick.id}
    assert watching.fleet.counts()["h4"] == 2


def test_a_crash_loop_is_tried_less_and_less_often(watch):
    """At once, then after 10, 20, 40 … 300 seconds; the other replicas are repaired meanwhile."""
    watching = watch()
    tries: list[float] = []

    def crash_again(host_name: str, verb: str, when: str) -> str:
        if host_name == "h1" and verb == "record" and when == "after":
            tries.append(watching.now_s)
            watching.change("h1", 1, state="exited", exit_code=1, started_s=watching.now_s)
        return ""

    watching.fleet.fault = crash_again
    watching.change("h1", 1, state="exited", exit_code=1, started_s=1.0)
    watching.turns(2000)
    gaps = [round(b - a) for a, b in pairwise(tries)]
    assert gaps[:7] == [10, 20, 40, 80, 160, 300, 300]
    crashing = watching.fleet.hosts["h1"].containers[1]
    shown = next(r for r in watching.snapshot.replicas if r.id == crashing.id)
    assert (shown.why, shown.failures >= 7) == ("exited (1)", True)
    watching.change("h2", state="exited", exit_code=137)
    watching.turns(0.5)
    assert watching.fleet.counts()["h2"] == 2


@pytest.mark.parametrize("restart", ["no", "on-failure:2"])
def test_what_may_end_stays_ended(watch, restart):
    """restart: "no", and on-failure that was tried as often as it says."""
    watching = watch(shop(restart=RestartPolicy.of(restart)))
    watching.change("h1", state="exited", exit_code=1, restarts=2)
    watching.turns(100)
    assert watching.fleet.counts()["h1"] == 1


def test_a_finished_job_does_not_run_again(watch):
    """Neither after its end nor after a restart of the watcher."""
    job = intent(project(Service("migrate", mode=Mode.REPLICATED_JOB), hosts=HOSTS))
    watching = watch(job)
    (name,) = watching.fleet.counts("migrate")
    watching.change(name, state="exited", exit_code=0)
    watching.turns(100)
    watching.watcher = watching.started()
    watching.turns(100)
    assert watching.fleet.counts("migrate") == {}


def test_a_silent_host_keeps_its_replicas_by_default(watch):
    """Unknown is not absent, however long it takes."""
    watching = watch()
    watching.fleet.hosts["h1"].reachable = False
    watching.turns(3000)
    assert sum(n for name, n in watching.fleet.counts().items() if name != "h1") == 8
    assert "h1 does not answer: no answer" in watching.notes
    assert watching.notes.count("h1 does not answer") == 1


def test_a_host_that_is_given_up_loses_its_replicas_to_others_and_none_is_doubled_when_it_returns(watch):
    """After the time that the play says, not before; and back again with the next look."""
    watching = watch(shop(reschedule_after_s=5.0))
    watching.fleet.hosts["h1"].reachable = False
    watching.stir("h1")
    watching.turns(4.5)
    elsewhere = {name: n for name, n in watching.fleet.counts().items() if name != "h1"}
    assert sum(elsewhere.values()) == 8
    watching.turns(2)
    elsewhere = {name: n for name, n in watching.fleet.counts().items() if name != "h1"}
    assert sum(elsewhere.values()) == 10
    watching.fleet.hosts["h1"].reachable = True
    watching.turns(15)
    assert sum(watching.fleet.counts().values()) == 10
    assert watching.snapshot.whole


def test_the_flag_is_for_plays_that_say_nothing(watch):
    """A play's own time wins over it."""
    watching = watch(shop(reschedule_after_s=100.0), reschedule_after_s=5.0)
    watching.fleet.hosts["h1"].reachable = False
    watching.turns(70)
    assert sum(n for name, n in watching.fleet.counts().items() if name != "h1") == 8
    watching = watch(reschedule_after_s=5.0)
    watching.fleet.hosts["h1"].reachable = False
    watching.turns(70)
    assert sum(n for name, n in watching.fleet.counts().items() if name != "h1") == 10


def test_more_than_half_the_fleet_is_never_given_up(watch):
    """Then the network is broken; healed, all is as it was and nothing was doubled."""
    watching = watch(shop(reschedule_after_s=5.0))
    before = watching.fleet.ids()
    for name in ("h1", "h2", "h3"):
        watching.fleet.hosts[name].reachable = False
    watching.turns(300)
    assert watching.fleet.ids() == before
    assert "3 of 5 hosts do not answer: the network is broken" in watching.snapshot.projects[0].waits
    for name in ("h1", "h2", "h3"):
        watching.fleet.hosts[name].reachable = True
    watching.turns(15)
    assert watching.fleet.ids() == before
    assert watching.snapshot.whole


def test_a_split_of_two_of_five_heals_without_doubles(watch):
    """The replicas of both run elsewhere, and go where they are too many when the two are back."""
    watching = watch(shop(reschedule_after_s=5.0))
    for name in ("h1", "h2"):
        watching.fleet.hosts[name].reachable = False
    watching.turns(80)
    assert sum(n for name, n in watching.fleet.counts().items() if name > "h2") == 10
    for name in ("h1", "h2"):
        watching.fleet.hosts[name].reachable = True
    watching.turns(15)
    assert sum(watching.fleet.counts().values()) == 10


def test_replicas_with_volumes_are_not_started_elsewhere(watch):
    """Their data is on the silent host."""
    watching = watch(shop(reschedule_after_s=5.0, volumes=("data",)))
    watching.fleet.hosts["h1"].reachable = False
    watching.turns(100)
    assert sum(n for name, n in watching.fleet.counts().items() if name != "h1") == 8


def test_a_host_is_kept_where_the_others_have_no_room_for_what_it_held(watch):
    """The rest is repaired all the same, and a sentence says what has no home."""
    watching = watch(shop(reschedule_after_s=5.0, max_per_host=2))
    watching.fleet.hosts["h1"].reachable = False
    watching.turns(70)
    watching.remove("h2")
    watching.settle()
    assert watching.fleet.counts()["h2"] == 2
    assert "2 of 10 replicas have no host" in watching.snapshot.projects[0].waits


def test_another_runs_lease_is_waited_for(watch):
    """Nothing is touched while it is held; as soon as it is free, the repair happens."""
    watching = watch()
    folder = watching.fleet.hosts["h1"].folders["shop"]
    folder.lease = Lease("ci", who="ci@runner", expires_s=10_000_000)
    watching.remove("h1")
    watching.turns(60)
    assert watching.fleet.counts()["h1"] == 1
    assert watching.notes.count("ci@runner") == 1
    folder.lease = None
    watching.turns(5)
    assert watching.fleet.counts()["h1"] == 2


def test_a_person_takes_the_watchers_lease_and_the_watcher_stops(watch):
    """Its run ends before its next step, and the person's goes through."""
    watching = watch()
    newer = shop(image="demo/web:2")

    def meanwhile(host_name: str, verb: str, when: str) -> str:
        if (host_name, verb, when) == ("h1", "prepare", "after"):
            watching.fleet.fault = lambda *call: ""
            assert watching.fleet.converge(newer).exit_code == 0
        return ""

    watching.fleet.fault = meanwhile
    watching.remove("h1")
    watching.settle()
    assert watching.fleet.images() == {"demo/web:2"}


def test_a_release_that_the_files_do_not_explain_is_left_alone(watch):
    """Somebody else converged something newer: no fight, but a sentence; until the files agree."""
    watching = watch()
    newer = shop(image="demo/web:2")
    watching.fleet.converge(newer)
    watching.stir("h1")
    watching.turns(100)
    assert watching.fleet.images() == {"demo/web:2"}
    assert "the hosts run release 2" in watching.snapshot.projects[0].waits
    watching.remove("h2")
    watching.turns(100)
    assert watching.fleet.counts()["h2"] == 1
    watching.intent, watching.dirty = newer, True
    watching.turns(5)
    assert watching.fleet.counts()["h2"] == 2
    assert watching.snapshot.projects[0].waits == ""


def test_a_lease_of_a_run_that_just_ended_is_no_lease_that_was_left_behind(watch, monkeypatch):
    """What was seen before a run ended is not how it ended: the host is looked at again before it counts."""
    watching = watch()
    folder = watching.fleet.hosts["h1"].folders["shop"]
    folder.lease = Lease("ci", who="ci@runner", process="gone", expires_s=10_000_000)
    monkeypatch.setattr("deploytool.watch.watcher.is_dead", lambda lease: lease.process == "gone")
    monkeypatch.setattr("deploytool.run.lease_wait.is_dead", lambda lease: lease.process == "gone")
    watching.remove("h1")
    watching.turns(1)
    assert watching.fleet.counts()["h1"] == 1
    folder.lease = None
    watching.fleet.converge(shop(image="demo/web:2"))
    watching.turns(10)
    assert watching.fleet.images() == {"demo/web:2"}
    folder.lease = Lease("ci", who="ci@runner", process="gone", expires_s=10_000_000)
    watching.intent, watching.dirty = shop(image="demo/web:2"), True
    watching.remove("h1")
    watching.turns(10)
    assert watching.fleet.counts()["h1"] == 2


def test_a_restarted_watcher_with_old_files_does_not_go_back(watch):
    """It remembers nothing, so it takes nobody's release for its own."""
    watching = watch()
    watching.fleet.converge(shop(image="demo/web:2"))
    watching.watcher = watching.started()
    watching.turns(100)
    assert watching.fleet.images() == {"demo/web:2"}


def test_force_own_makes_its_own_files_win(watch):
    """Whoever made the release on the hosts."""
    watching = watch(force_own=True)
    watching.fleet.converge(shop(image="demo/web:2"))
    for name in watching.fleet.hosts:
        watching.stir(name)
    watching.turns(5)
    assert watching.fleet.images() == {"demo/web:1"}


def test_a_person_may_converge_the_same_files(watch):
    """A release that says what the files say is as good as the watcher's own, wherever replicas are."""
    watching = watch()
    watching.fleet.hosts["h1"].reachable = False
    watching.turns(5)
    from deploytool.core.placement.schedule import SchedulePolicy
    from deploytool.plan.policy import PlanPolicy

    policy = PlanPolicy(schedule=SchedulePolicy(reschedule_unreachable=True))
    watching.fleet.converge(watching.intent, policy)
    watching.fleet.hosts["h1"].reachable = True
    watching.turns(70)
    assert sum(watching.fleet.counts().values()) == 10
    assert watching.snapshot.whole


def test_new_files_are_carried_out_and_broken_ones_are_not(watch):
    """The last good intent holds, is repaired, and the snapshot says what is wrong."""
    watching = watch()
    watching.intent, watching.dirty = shop(12), True
    watching.turns(5)
    assert sum(watching.fleet.counts().values()) == 12
    problem = Problem(Place("site.yaml", 7, 9), "unknown key 'replica'")
    watching.broken, watching.dirty = InputError([problem]), True
    watching.remove("h1")
    watching.turns(5)
    assert sum(watching.fleet.counts().values()) == 12
    assert watching.snapshot.problem == "site.yaml:7:9: unknown key 'replica'"
    watching.broken = None
    watching.watcher.reload()
    watching.turns(5)
    assert watching.snapshot.problem == ""


def test_new_files_are_a_new_chance_and_the_same_files_are_none(watch):
    """A service that is left alone is tried at once with what was mended, and only then."""
    watching = watch()
    watching.fingerprint = "one"
    watching.watcher.reload()
    watching.settle()
    broken = True
    watching.fleet.fault = lambda host, verb, when: (
        "no" if broken and (verb, when) == ("start", "before") else ""
    )
    watching.remove("h1")
    watching.turns(100)
    assert watching.snapshot.services[0].why == "no"
    backoff_until_s = watching.snapshot.services[0].backoff_until_s
    watching.watcher.reload()
    watching.turns(0.5)
    assert watching.snapshot.services[0].backoff_until_s == backoff_until_s
    assert "files read again: nothing changed" in watching.notes
    broken, watching.fingerprint = False, "two"
    watching.watcher.reload()
    watching.turns(0.5)
    assert watching.fleet.counts()["h1"] == 2


def test_hosts_come_and_go_with_the_files(watch):
    """A new host is watched, one that left is emptied and forgotten."""
    watching = watch(shop(hosts=HOSTS[:4]))
    watching.intent, watching.dirty = shop(hosts=HOSTS[1:5]), True
    watching.intent = replace(
        watching.intent,
        inventory=replace(watching.intent.inventory, hosts={h.name: h for h in HOSTS}),
    )
    watching.turns(10)
    assert "h1" not in watching.fleet.counts()
    assert sum(watching.fleet.counts().values()) == 10


def test_a_host_that_left_while_it_was_away_is_emptied_when_it_is_back(watch):
    """It is watched until then, and no longer."""
    watching = watch(shop(hosts=HOSTS[:4]))
    watching.fleet.hosts["h1"].reachable = False
    watching.turns(60)
    everyone = {one.name: one for one in HOSTS}
    smaller = shop(hosts=HOSTS[1:4])
    watching.intent = replace(smaller, inventory=replace(smaller.inventory, hosts=everyone))
    watching.dirty = True
    watching.turns(60)
    assert watching.fleet.counts().keys() == {"h1", "h2", "h3", "h4"}
    watching.fleet.hosts["h1"].reachable = True
    watching.turns(600)
    assert watching.fleet.counts().keys() == {"h2", "h3", "h4"}
    assert watching.watcher.host_cache.hosts.keys() == {"h2", "h3", "h4"}


def test_a_service_that_cannot_be_repaired_is_left_alone_and_the_others_are_not(watch):
    """A step that fails makes its service wait, longer each time, and the reason is told."""
    services = (Service("web", replicas=5), Service("api", replicas=5))
    watching = watch(intent(project(*services, hosts=HOSTS)))
    tries: list[float] = []

    def refuse(host_name: str, verb: str, when: str) -> str:
        if (host_name, verb, when) == ("h1", "start", "before"):
            tries.append(watching.now_s)
            return "the port is taken"
        return ""

    watching.fleet.fault = refuse
    index = next(i for i, c in enumerate(watching.fleet.hosts["h1"].containers) if c.service == "web")
    watching.remove("h1", index)
    watching.turns(200)
    assert [round(b - a) for a, b in pairwise(tries)][:4] == [10, 20, 40, 80]
    web = next(s for s in watching.snapshot.services if s.name == "web")
    assert (web.why, web.backoff_until_s > watching.snapshot.now_s) == ("the port is taken", True)
    index = next(i for i, c in enumerate(watching.fleet.hosts["h2"].containers) if c.service == "api")
    watching.change("h2", index, state="exited", exit_code=137)
    watching.turns(1)
    assert sum(n for name in ("web", "api") for n in watching.fleet.counts(name).values()) == 9


def test_the_same_difference_twice_is_not_repaired_a_third_time_at_once(watch):
    """Somebody undoes each repair within it: the service is left alone and reported."""
    watching = watch()
    repairs: list[float] = []

    def undo(host_name: str, verb: str, when: str) -> str:
        if (host_name, verb, when) == ("h1", "start", "after"):
            repairs.append(watching.now_s)
            watching.fleet.hosts["h1"].containers.pop()
        return ""

    watching.fleet.fault = undo
    watching.remove("h1")
    watching.turns(100)
    assert len(repairs) <= 5
    assert "the same difference came back" in watching.snapshot.services[0].why


def _spoil(watching):
    watching.fleet.hosts["h1"].folders["shop"].manifest = Manifest("services: {}\n")
    watching.stir("h1")


def _scale(watching):
    watching.intent, watching.dirty = shop(8), True


@pytest.mark.parametrize("change", [_spoil, _scale])
def test_a_folder_that_cannot_be_written_is_tried_less_and_less_often(watch, change):
    """A full disk: what is there goes on, the host's reason is told, and later it is put right."""
    watching = watch()
    tries: list[float] = []

    def refuse(host_name: str, verb: str, when: str) -> str:
        if (host_name, verb, when) == ("h1", "record", "before"):
            tries.append(watching.now_s)
            return "no space is left"
        return ""

    watching.fleet.fault = refuse
    change(watching)
    watching.turns(200, most=300)
    assert [round(b - a) for a, b in pairwise(tries)][:5] in ([10, 20, 40, 80], [0, 10, 20, 40, 80])
    assert not watching.snapshot.whole and "h1: shop: no space is left; left alone" in watching.notes
    watching.fleet.fault = lambda *call: ""
    watching.turns(400)
    assert watching.snapshot.whole


def test_a_folder_that_others_spoil_again_and_again_is_left_alone(watch):
    """As the same difference of a service is."""
    watching = watch()
    repairs: list[float] = []

    def undo(host_name: str, verb: str, when: str) -> str:
        if (host_name, verb, when) == ("h1", "record", "after"):
            repairs.append(watching.now_s)
            watching.fleet.hosts["h1"].folders["shop"].manifest = Manifest("services: {}\n")
        return ""

    watching.fleet.fault = undo
    _spoil(watching)
    watching.turns(100, most=300)
    assert 2 <= len(repairs) <= 6
    assert "the same difference came back" in watching.notes


def test_one_broken_project_does_not_keep_another_from_being_repaired(watch):
    """A guard that refuses, or a replica without a home, is one project's own business."""
    good = project(Service("web", replicas=5), hosts=HOSTS)
    bad = project(Service("big", replicas=9, max_per_host=1), hosts=HOSTS, name="crowded")
    watching = watch(intent(bad, good), converge=False)
    assert sum(watching.fleet.counts().values()) == 5
    waits = {p.name: p.waits for p in watching.snapshot.projects}
    assert "4 of 9 replicas have no host" in waits["crowded"]
    assert waits["shop"] == ""


def test_a_budget_ends_endless_repairs(watch):
    """A container that somebody kills all the time is brought back so often, and then left alone."""
    watching = watch(restart_budget=5)
    for _ in range(20):
        watching.change("h1", state="exited", exit_code=137, started_s=watching.now_s)
        watching.turns(1)
    assert watching.fleet.counts()["h1"] == 1
    assert watching.snapshot.services[0].why == "it had all the repairs it may have"
    watching.turns(650)
    assert watching.fleet.counts()["h1"] == 2


def test_a_thousand_repairs_leave_nothing_behind(watch):
    """Every collection that the watcher keeps is as long after a thousand repairs as after fifty."""
    import threading

    watching = watch(restart_budget=10**6)

    def weigh() -> dict[str, int]:
        history = watching.watcher.history
        return {
            name: len(getattr(history, name))
            for name in ("containers", "orphans", "services", "hosts", "failure_times")
        } | {"actions": len(watching.snapshot.actions), "threads": threading.active_count()}

    weights = []
    for number in range(1000):
        name = f"h{number % 5 + 1}"
        if number % 2:
            watching.remove(name)
        else:
            watching.change(name, state="exited", exit_code=137, started_s=watching.now_s)
        watching.turns(0.5)
        if number in (99, 999):
            watching.turns(700)
            weights.append(weigh())
    assert weights[0] == weights[1]
    assert sum(watching.fleet.counts().values()) == 10
    assert watching.snapshot.counts.converges["ok"] >= 1000


# --- updates that fail ------------------------------------------------------------------------------------


def careful(tag: int, **fields):
    update = Update(parallelism=2, order="start-first", failure_action="rollback")
    return shop(image=f"demo/web:{tag}", update=update, **fields)


def sicken(watching: Watching, image: str) -> None:
    for memory in watching.fleet.hosts.values():
        memory.sick.add(image)


def on_record(watching: Watching) -> list[str]:
    """The outcomes of all releases that h1 remembers, oldest first."""
    return [one.release.outcome for one in watching.fleet.hosts["h1"].folders["shop"].history]


def test_an_update_that_failed_is_not_on_record_as_done(watch):
    """Its service is left alone for a while, and until it is well that release has not come to be."""
    watching = watch(shop(update=Update(parallelism=2)))
    sicken(watching, "demo/web:2")
    watching.intent, watching.dirty = shop(image="demo/web:2", update=Update(parallelism=2)), True
    watching.turns(600)
    assert watching.fleet.hosts["h1"].folders["shop"].release.number == 1
    assert [outcome for outcome in on_record(watching) if outcome == CONVERGED] == [CONVERGED]
    assert not watching.snapshot.whole
    for memory in watching.fleet.hosts.values():
        memory.sick.clear()
    watching.turns(400)
    assert watching.fleet.images() == {"demo/web:2"}
    assert (on_record(watching)[-1], watching.snapshot.whole) == (CONVERGED, True)


def test_what_was_taken_back_is_kept_and_repaired_until_the_files_change(watch):
    """A failed update is tried once, not every five minutes; what runs instead is watched as before."""
    watching = watch(careful(1))
    sicken(watching, "demo/web:2")
    watching.intent, watching.dirty = careful(2), True
    watching.turns(600)
    assert (watching.fleet.images(), sum(watching.fleet.counts().values())) == ({"demo/web:1"}, 10)
    assert watching.notes.count("rolling back to release 1") == 1
    assert "shop: release 1 is kept until the files change" in watching.notes
    assert "kept until the files change" in watching.snapshot.projects[0].waits
    watching.remove("h2")
    watching.change("h3", state="exited", exit_code=137)
    watching.settle()
    assert (watching.fleet.images(), sum(watching.fleet.counts().values())) == ({"demo/web:1"}, 10)
    watching.intent, watching.dirty = careful(3), True
    watching.settle()
    assert (watching.fleet.images(), watching.snapshot.whole) == ({"demo/web:3"}, True)


def test_the_same_files_are_tried_again_where_somebody_converges_them(watch):
    """The reason was elsewhere, and is gone: what a person brought about with these files is theirs."""
    watching = watch(careful(1))
    sicken(watching, "demo/web:2")
    watching.intent, watching.dirty = careful(2), True
    watching.settle()
    for memory in watching.fleet.hosts.values():
        memory.sick.clear()
    assert watching.fleet.converge(careful(2)).exit_code == 0
    watching.turns(120)
    assert (watching.fleet.images(), watching.snapshot.whole) == ({"demo/web:2"}, True)
    watching.remove("h1")
    watching.settle()
    assert (watching.fleet.images(), sum(watching.fleet.counts().values())) == ({"demo/web:2"}, 10)


def test_where_a_host_was_silent_when_the_others_were_taken_back_nothing_is_touched(watch):
    """What the release was there, nobody knows; when it comes back, it keeps what it has."""
    watching = watch(careful(1))
    sicken(watching, "demo/web:2")
    before = watching.fleet.ids()
    watching.fleet.hosts["h5"].reachable = False
    watching.turns(120)
    watching.intent, watching.dirty = careful(2), True
    watching.turns(60)
    assert "rolling back to release 1" in watching.notes
    watching.fleet.hosts["h5"].reachable = True
    watching.turns(600)
    assert watching.fleet.ids() == before
    waits = watching.snapshot.projects[0].waits
    assert "h5 did not answer when the update failed, so nobody knows what is to run there" in waits
    watching.intent, watching.dirty = careful(1), True
    watching.settle()
    assert (watching.fleet.ids(), watching.snapshot.whole) == (before, True)


def test_another_project_is_watched_as_before_while_one_is_kept(watch):
    """What was taken back says nothing of its neighbours."""
    other = project(Service("api", replicas=5), name="other", hosts=HOSTS)

    def both(tag: int):
        return intent(*careful(tag).projects, other, hosts=HOSTS)

    watching = watch(both(1))
    sicken(watching, "demo/web:2")
    watching.intent, watching.dirty = both(2), True
    watching.turns(120)
    container = next(c for c in watching.fleet.hosts["h4"].containers if c.project == "other")
    watching.fleet.hosts["h4"].containers.remove(container)
    watching.stir("h4")
    watching.settle()
    assert sum(watching.fleet.counts("api").values()) == 5
    assert {c.image for m in watching.fleet.hosts.values() for c in m.containers if c.service == "web"} == {
        "demo/web:1"
    }


def test_what_runs_is_repaired_while_an_update_cannot_even_begin(watch):
    """An image that is not there: tried again less and less often, and meanwhile all is as it was."""
    watching = watch()
    for memory in watching.fleet.hosts.values():
        memory.images = {"demo/web:1"}
    watching.intent, watching.dirty = shop(image="demo/web:typo"), True
    watching.turns(60)
    watching.remove("h1")
    watching.change("h2", state="exited", exit_code=137)
    watching.turns(540)
    assert (watching.fleet.images(), sum(watching.fleet.counts().values())) == ({"demo/web:1"}, 10)
    tries = watching.notes.count(
        "release 1 is kept meanwhile, since the update could not begin: image demo/web:typo"
    )
    assert tries == 6, "at once, and 10, 20, 40, 80, 160 s after the last time; not yet 300 s after it"
    assert (watching.snapshot.projects[0].release.number, watching.snapshot.whole) == (1, False)
    for memory in watching.fleet.hosts.values():
        memory.images = {"demo/web:typo"}
    watching.turns(310)
    assert (watching.fleet.images(), watching.snapshot.whole) == ({"demo/web:typo"}, True)


def test_what_the_files_said_before_holds_where_what_they_say_now_cannot_be(watch):
    """A constraint that no host fulfils, or a service that vanished: told, and mended with the files."""
    watching = watch()
    constraints = (Constraint("node.labels.disk", "==", "ssd"),)
    watching.intent, watching.dirty = shop(constraints=constraints), True
    watching.turns(300)
    watching.remove("h1")
    watching.settle()
    assert sum(watching.fleet.counts().values()) == 10
    kept = "shop: it is kept as the files said before, since what they say now cannot be: "
    assert watching.notes.count(kept) == 1
    assert "kept as the files said before" in watching.snapshot.projects[0].waits
    assert not watching.snapshot.whole
    gone = intent(project(Service("other", replicas=1), hosts=HOSTS))
    watching.intent, watching.dirty = gone, True
    watching.turns(5)
    watching.remove("h2")
    watching.settle()
    assert sum(watching.fleet.counts().values()) == 10
    assert "10 of 10 healthy replicas would be stopped" in watching.snapshot.projects[0].waits
    watching.intent, watching.dirty = shop(5), True
    watching.settle()
    assert (sum(watching.fleet.counts().values()), watching.snapshot.whole) == (5, True)


def test_what_comes_to_fit_is_carried_out(watch):
    """The hosts have what the new files ask for by then: their engines got a label."""
    watching = watch()
    constraints = (Constraint("engine.labels.disk", "==", "ssd"),)
    watching.intent, watching.dirty = shop(constraints=constraints, image="demo/web:2"), True
    watching.turns(30)
    assert watching.fleet.images() == {"demo/web:1"}
    for memory in watching.fleet.hosts.values():
        memory.facts = replace(memory.facts, labels={"disk": "ssd"})
    watching.turns(130)
    assert (watching.fleet.images(), watching.snapshot.whole) == ({"demo/web:2"}, True)
