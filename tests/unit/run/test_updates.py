"""What an update leaves behind where something goes wrong: nothing worse, and the truth on record."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from deploytool.errors import LeaseHeld, Refused, UsageError
from deploytool.model.container import Container
from deploytool.model.event import FailureOutcome, Finished, Note, Report, StepDone, StepSkipped, StepStarted
from deploytool.model.intent import Service
from deploytool.model.plan import StepKind
from deploytool.model.policies import Update
from deploytool.report.run_text import ending_lines
from deploytool.run.converge import Run
from deploytool.run.prune import prune_images
from tests.builders import Fleet, host, intent, project
from tests.unit.run.test_rollback import go_back

NAMES = ("h1", "h2", "h3")
HOSTS = [host(name) for name in NAMES]
STEADY = Update(parallelism=2, order="start-first")


def shop(tag: int, update: Update = STEADY, rollback: Update = Update(), **fields):
    services = (Service("web", replicas=6, update=update, rollback=rollback),)
    made = project(*services, hosts=HOSTS, images={"web": f"demo/web:{tag}"})
    return intent(replace(made, **fields), hosts=HOSTS)


@pytest.fixture
def fleet() -> Fleet:
    """Six of version 1 on three hosts; version 2 never gets well."""
    fleet = Fleet.of(*NAMES)
    assert fleet.converge(shop(1)).exit_code == 0
    for memory in fleet.hosts.values():
        memory.sick.add("demo/web:2")
    return fleet


def said(report: Report) -> str:
    return "\n".join(ending_lines(report))


def history(fleet: Fleet, name: str = "h1") -> list[tuple[int, str]]:
    return [(one.release.number, one.release.outcome) for one in fleet.hosts[name].folders["shop"].history]


# --- how it ends -----------------------------------------------------------------------------------------


def test_pause_stops_there_and_says_so(fleet):
    """One batch was tried, beside the old ones; the rest was not begun."""
    report = fleet.converge(shop(2))
    assert sum(fleet.counts().values()) >= 6
    assert sum(c.image == "demo/web:2" for m in fleet.hosts.values() for c in m.containers) == 2
    assert (report.exit_code, dict(report.endings)) == (5, {"shop": FailureOutcome.PAUSED})
    assert "shop: paused" in said(report)


def test_continue_says_that_it_went_on(fleet):
    """All were tried."""
    report = fleet.converge(shop(2, replace(STEADY, failure_action="continue")))
    assert dict(report.endings) == {"shop": FailureOutcome.WENT_ON}
    assert "went on elsewhere" in said(report)


def test_a_slow_host_does_not_hold_up_the_others(fleet):
    """Where the policy lets all go at once, the others are through while one still starts its first."""
    for memory in fleet.hosts.values():
        memory.sick.clear()
    through = {name: threading.Event() for name in ("h1", "h2")}
    waited = []

    def slow(name: str, verb: str, when: str) -> str:
        if (verb, when) == ("stop", "after") and name in through:
            through[name].set()
        elif (name, verb, when) == ("h3", "start", "before"):
            waited.extend(event.wait(20) for event in through.values())
        return ""

    fleet.fault = slow
    assert fleet.converge(shop(2, replace(STEADY, parallelism=0))).exit_code == 0
    assert waited == [True, True]


@pytest.mark.parametrize("tolerant", [{"max_failure_ratio": 0.4}, {"max_fail_percent": 40.0}])
@pytest.mark.parametrize(
    ("sick", "ending"), [(("h3",), FailureOutcome.WENT_ON), (("h2", "h3"), FailureOutcome.ROLLED_BACK)]
)
def test_what_is_tolerated_rolls_nothing_back(fleet, tolerant, sick, ending):
    """failure_action is for what is beyond max_failure_ratio, or beyond what the play says of its hosts."""
    for name in {*NAMES} - {*sick}:
        fleet.hosts[name].sick.clear()
    rolls = replace(STEADY, failure_action="rollback", max_failure_ratio=tolerant.get("max_failure_ratio", 0))
    report = fleet.converge(shop(2, rolls, max_fail_percent=tolerant.get("max_fail_percent")))
    assert (report.exit_code, dict(report.endings)) == (5, {"shop": ending})
    assert ("demo/web:2" in fleet.images()) is (ending is FailureOutcome.WENT_ON)


def test_a_rollback_rolls_by_its_own_policy(fleet):
    """rollback_config, not update_config: all at once here, where the update went one by one."""
    careful = Update(parallelism=1, order="stop-first", failure_action="rollback")
    fleet.hosts["h1"].sick.clear()
    fleet.hosts["h2"].sick.clear()
    report = fleet.converge(shop(2, careful, Update(parallelism=0)))
    assert dict(report.endings) == {"shop": FailureOutcome.ROLLED_BACK}
    assert "shop: rolled back to release 1, which runs again." in said(report)
    assert "Converged" not in said(report)
    starts = [event.step for event in fleet.events if isinstance(event, StepStarted)]
    old_again = [s for s in starts if s.kind is StepKind.START and s.replaces][-3:]
    assert sorted(step.count for step in old_again) == [1, 2, 2], "four new ones and the one that failed"
    assert fleet.images() == {"demo/web:1"}


def test_no_other_run_gets_in_between_a_failure_and_its_rollback(fleet):
    """The leases are held from the first step of the update to the last one of the rollback."""
    held = []

    def look(name: str, verb: str, when: str) -> str:
        if verb == "releases":
            held.extend(memory.folders["shop"].lease for memory in fleet.hosts.values())
        return ""

    fleet.fault = look
    fleet.converge(shop(2, replace(STEADY, failure_action="rollback")))
    assert held
    assert all(held)
    assert not any(memory.folders["shop"].lease for memory in fleet.hosts.values())


def test_a_rollback_by_hand_that_fails_is_not_rolled_again(fleet):
    """Its failure pauses, whatever the update's failure_action says."""
    rolls = replace(STEADY, failure_action="rollback")
    for memory in fleet.hosts.values():
        memory.sick.clear()
    fleet.converge(shop(2, rolls))
    for memory in fleet.hosts.values():
        memory.sick.add("demo/web:1")
    report = go_back(fleet, shop(2, rolls))
    assert (report.exit_code, dict(report.endings)) == (5, {"shop": FailureOutcome.PAUSED})
    assert "demo/web:2" in fleet.images()


def test_a_missing_image_of_one_project_changes_none():
    """Nothing is touched anywhere before everything is prepared everywhere; all that is missing is said."""
    fleet = Fleet.of(*NAMES)
    first = project(Service("web", replicas=3), hosts=HOSTS, name="first")
    second = project(Service("api", replicas=3), hosts=HOSTS, name="second")
    for name in ("h2", "h3"):
        fleet.hosts[name].images = {"demo/web:1"}
    report = fleet.converge(intent(first, second))
    assert (report.exit_code, fleet.counts(), fleet.counts("api")) == (5, {}, {})
    assert {failure.step.host for failure in report.failures} == {"h2", "h3"}
    assert dict(report.endings) == {"second": FailureOutcome.UNCHANGED}
    assert "second: nothing was changed." in said(report)


# --- what goes on record ---------------------------------------------------------------------------------


def test_a_failed_update_is_on_record_and_is_nothing_to_roll_back_to(fleet):
    """Its outcome says what failed where; the next release has the next number."""
    fleet.converge(shop(2))
    assert history(fleet)[0] == (1, "converged")
    number, outcome = history(fleet)[1]
    assert (number, outcome.split(";")[0]) == (2, "failed, paused")
    assert "h1 web: shop-web-3 is unhealthy" in outcome
    assert fleet.hosts["h1"].folders["shop"].release.number == 1
    with pytest.raises(UsageError, match="release 2 never came to be: failed, paused"):
        go_back(fleet, shop(2), 2)
    assert fleet.converge(shop(3)).exit_code == 0
    assert [number for number, _ in history(fleet)] == [1, 2, 3]
    assert go_back(fleet, shop(3)).exit_code == 0
    assert fleet.images() == {"demo/web:1"}


def test_a_rolled_back_update_is_on_record_as_that(fleet):
    """With the release that runs again."""
    fleet.converge(shop(2, replace(STEADY, failure_action="rollback")))
    assert history(fleet)[1][1].startswith("failed, rolled back to release 1; h1 web: ")


def test_a_repair_that_fails_leaves_the_release_on_record_as_it_was(fleet):
    """The release converged once; that it could not be repaired does not change its history."""
    fleet.hosts["h1"].containers.clear()
    fleet.hosts["h1"].sick.add("demo/web:1")
    assert fleet.converge(shop(1)).exit_code == 5
    assert history(fleet) == [(1, "converged")]


def test_a_release_names_the_services_that_it_changed():
    """For the history: what this release was about."""
    fleet = Fleet.of(*NAMES)
    services = (Service("web", replicas=3), Service("db"))
    fleet.converge(intent(project(*services, hosts=HOSTS)))
    fleet.converge(intent(project(*services, hosts=HOSTS, images={"db": "demo/db:2"})))
    releases = [one.release for one in fleet.hosts["h1"].folders["shop"].history]
    assert [release.changed for release in releases] == [("web", "db"), ("db",)]


def test_an_interrupted_update_is_on_record(fleet):
    """As interrupted, and the next run is a try of its own."""
    run = fleet.run(shop(3))
    show = run.emit

    def interrupt(event: object) -> None:
        show(event)  # type: ignore[arg-type]
        if isinstance(event, StepStarted) and event.step.service and not run.interrupts.stop_requested:
            run.interrupts.request_stop()

    run.emit = interrupt
    assert run.converge().exit_code == 130
    assert (2, "interrupted") in [entry for name in NAMES for entry in history(fleet, name)]
    assert fleet.converge(shop(3)).exit_code == 0


def test_images_that_no_release_needs_can_be_removed():
    """Those of other tags of the project's images; what a release or a container needs stays."""
    fleet = Fleet.of("h1")
    images = {"demo/web:1", "demo/web:2", "demo/web:unused", "other/thing:1"}
    fleet.hosts["h1"].images = set(images)
    for tag in (1, 2):
        run = fleet.run(intent(project(Service("web"), hosts=HOSTS[:1], images={"web": f"demo/web:{tag}"})))
        assert run.converge().exit_code == 0
    assert prune_images(run) == {"h1": ("demo/web:unused",)}
    assert fleet.hosts["h1"].images == images - {"demo/web:unused"}


# --- hosts that are away, and other runs -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"max_fail_percent": 0.0}, False),
        ({"any_errors_fatal": True}, False),
        ({"max_fail_percent": 40.0}, True),
        ({}, True),
    ],
)
def test_an_unreachable_host_counts_as_failed(fleet, fields, changed):
    """A third of the hosts is away: a play that says how many may fail goes on only within that."""
    fleet.hosts["h3"].reachable = False
    report = fleet.converge(shop(3, **fields))
    assert ("demo/web:3" in fleet.images()) is changed
    assert report.exit_code == (4 if changed else 5)
    skipped = [event.because for event in fleet.events if isinstance(event, StepSkipped)]
    assert changed or "h3 did not answer" in skipped[0]


def test_a_host_that_is_lost_on_the_way_counts_as_failed(fleet):
    """Also in the plan that is made anew without it."""
    fleet.fault = lambda name, verb, when: "lost" if (name, verb) == ("h2", "stop") else ""
    update = Update(parallelism=2, order="stop-first")
    assert fleet.converge(shop(3, update, serial=("1",), max_fail_percent=0.0)).exit_code == 5
    assert {c.image for c in fleet.hosts["h3"].containers} == {"demo/web:1"}


def test_of_two_runs_that_start_together_exactly_one_works(fleet):
    """Each may have taken a part of the leases: one gives way naming the other, and one converges."""
    together = threading.Barrier(2)
    ended: dict[str, object] = {}

    def work(name: str, run: Run) -> None:
        meet = iter([True])

        def confirm(plan: object, seen: object) -> bool:
            if next(meet, False):
                together.wait(10)
            return True

        run.confirm = confirm
        try:
            ended[name] = run.converge().exit_code
        except LeaseHeld as error:
            ended[name] = str(error)

    def nap(seconds: float) -> None:
        threading.Event().wait(0.05)

    runs = {name: fleet.run(shop(3), sleep=nap) for name in ("a", "b")}
    threads = [threading.Thread(target=work, args=pair) for pair in runs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    codes = [code for code in ended.values() if code == 0]
    refused = [text for text in ended.values() if isinstance(text, str)]
    assert codes, ended
    assert len(codes) + len(refused) == 2, ended
    assert all("held by tester" in text for text in refused)
    assert fleet.images() == {"demo/web:3"}
    assert sum(fleet.counts().values()) == 6
    assert not any(memory.folders["shop"].lease for memory in fleet.hosts.values())


@pytest.mark.parametrize("action", ["pause", "rollback"])
def test_what_failed_is_not_hidden_by_a_guard_that_let_the_plan_pass(action):
    """A service that left the file is a third of what ran; after the update broke the rest, it is all."""
    fleet = Fleet.of(*NAMES)
    web = Service("web", replicas=6, update=Update(parallelism=0, order="stop-first", failure_action=action))
    images = {"web": "demo/web:1", "old": "demo/web:1"}
    first = project(web, Service("old", replicas=3), hosts=HOSTS, images=images)
    assert fleet.converge(intent(first, hosts=HOSTS)).exit_code == 0
    for memory in fleet.hosts.values():
        memory.sick.add("demo/web:2")
    second = project(web, hosts=HOSTS, images={"web": "demo/web:2"})
    report = fleet.converge(intent(second, hosts=HOSTS))
    assert (report.exit_code, len(report.failures) > 0) == (5, True)
    ending = {"pause": FailureOutcome.PAUSED, "rollback": FailureOutcome.ROLLED_BACK}[action]
    assert dict(report.endings) == {"shop": ending}
    assert sum(fleet.counts("old").values()) == 3


@pytest.mark.parametrize(
    ("action", "ending"), [("pause", FailureOutcome.PAUSED), ("rollback", FailureOutcome.NOT_ROLLED_BACK)]
)
def test_what_failed_is_not_hidden_by_what_cannot_be_planned_any_more(fleet, action, ending):
    """A container is started by hand while the update fails: both are told, and the failure counts."""
    wanted = shop(2, replace(STEADY, failure_action=action))
    by_hand = Container("f1", "shop-web-9", project="shop", service="web")

    def start(name: str, verb: str, when: str) -> str:
        there = fleet.hosts["h3"].containers
        if (verb, when) == ("start", "before") and by_hand not in there:
            there.append(by_hand)
        return ""

    fleet.fault = start
    told: list[object] = []
    run = fleet.run(wanted)
    run.emit = told.append
    report = run.converge()
    warnings = [event.message for event in told if isinstance(event, Note) and event.level == "warning"]
    assert any("cannot be planned" in text and "shop-web-9 on h3" in text for text in warnings), warnings
    assert (report.exit_code, dict(report.endings)) == (5, {"shop": ending})
    assert isinstance(told[-1], Finished)
    done = {event.step.id for event in told if isinstance(event, StepDone)}
    assert done and not done & {step.id for step in report.left.steps}


def test_a_plan_that_cannot_be_made_any_more_is_told_where_nothing_failed(fleet):
    """All steps went well, and yet nobody can say that it is as it should be."""
    for memory in fleet.hosts.values():
        memory.sick.clear()
    by_hand = Container("f1", "shop-web-9", project="shop", service="web")

    def record(name: str, verb: str, when: str) -> str:
        if (name, verb, when) == ("h3", "start", "after") and by_hand not in fleet.hosts["h3"].containers:
            fleet.hosts["h3"].containers.append(by_hand)
        return ""

    fleet.fault = record
    with pytest.raises(Refused, match="shop-web-9 on h3"):
        fleet.converge(shop(2))
