"""The whole line on hosts in memory: what one converge leaves behind, with and without faults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.core.change.guard import GuardPolicy
from deploytool.errors import HostsUnusable, LeaseHeld, Refused
from deploytool.model.container import Container
from deploytool.model.intent import Intent, Mode, Service
from deploytool.model.plan import StepKind
from deploytool.model.policies import Dependency, Update
from deploytool.model.release import Lease
from deploytool.plan.policy import PlanPolicy
from deploytool.report.run_text import ending_lines
from deploytool.run.converge import RunOptions
from tests.builders import Fleet, drained, host, intent, project

HOSTS = [host("h1"), host("h2"), host("h3")]


def web(replicas: int, image: str = "demo/web:1", **fields: object) -> object:
    service = Service("web", replicas=replicas, **fields)  # type: ignore[arg-type]
    return intent(project(service, hosts=HOSTS, images={"web": image}))


@pytest.fixture
def fleet() -> Fleet:
    return Fleet.of("h1", "h2", "h3")


def test_six_replicas_on_three_hosts_are_two_each(fleet):
    """Replicas spread evenly, and the report says that it holds."""
    report = fleet.converge(web(6))
    assert fleet.counts() == {"h1": 2, "h2": 2, "h3": 2}
    assert (report.exit_code, bool(report.left)) == (0, False)


def test_the_second_run_has_nothing_to_do_and_asks_each_host_once(fleet):
    """One exec a host when nothing differs, and no container changes."""
    fleet.converge(web(6))
    before = fleet.ids()
    report = fleet.converge(web(6))
    assert (report.done, report.exit_code) == (0, 0)
    assert fleet.ids() == before
    assert {name: engine.execs for name, engine in fleet.engines.items()} == {
        name: ["observe"] for name in ("h1", "h2", "h3")
    }


def test_a_first_start_takes_four_round_trips_a_host(fleet):
    """Look, prepare, start, record: no more."""
    fleet.converge(web(3))
    assert fleet.engines["h1"].execs == ["observe", "prepare", "start", "record"]


@pytest.mark.parametrize(
    ("wanted", "counts"), [(7, [2, 2, 3]), (3, [1, 1, 1]), (0, []), (6, [2, 2, 2]), (1, [1])]
)
def test_hosts_follow_the_count_and_keep_what_stays(fleet, wanted, counts):
    """An edited count starts or stops only the difference."""
    fleet.converge(web(6))
    before = fleet.ids()
    report = fleet.converge(web(wanted))
    assert sorted(fleet.counts().values()) == counts
    assert report.exit_code == 0
    assert len(before & fleet.ids()) == min(6, wanted)
    assert not fleet.plan(web(wanted))


def test_a_removed_container_comes_back_and_nothing_else_is_touched(fleet):
    """Drift is repaired where it is; the ids of all others stay."""
    fleet.converge(web(6))
    gone = fleet.hosts["h2"].containers.pop()
    before = fleet.ids()
    report = fleet.converge(web(6))
    assert report.exit_code == 0
    assert gone.id not in fleet.ids()
    assert before < fleet.ids()
    assert fleet.counts() == {"h1": 2, "h2": 2, "h3": 2}
    assert "h1" not in {step.host for step in report.plan.steps}


@pytest.mark.parametrize("state", ["exited", "created", "paused", "restarting"])
def test_a_stopped_container_is_started_again_and_stays_the_same(fleet, state):
    """What merely stopped is restarted, not made anew."""
    fleet.converge(web(6))
    before = fleet.ids()
    stopped = fleet.hosts["h1"].containers
    stopped[0] = replace(stopped[0], state=state, exit_code=137)
    report = fleet.converge(web(6))
    assert (report.exit_code, fleet.ids()) == (0, before)
    assert [s.kind for s in report.plan.steps if s.service] == [StepKind.RESTART]


@pytest.mark.parametrize(
    "change", [{"health": "unhealthy"}, {"state": "dead"}, {"name": "0123456789ab_shop-web-1"}]
)
def test_a_sick_container_is_made_anew(fleet, change):
    """Unhealthy, dead, or half-recreated by Compose: replaced, and nothing else is."""
    fleet.converge(web(6))
    before = fleet.ids()
    sick = fleet.hosts["h1"].containers
    sick[0] = replace(sick[0], **change)
    report = fleet.converge(web(6))
    assert report.exit_code == 0
    assert len(before & fleet.ids()) == 5
    assert fleet.counts() == {"h1": 2, "h2": 2, "h3": 2}


def test_an_unreachable_host_keeps_its_replicas_and_nothing_starts_elsewhere(fleet):
    """Unknown is not absent: exit 4, the others converge."""
    fleet.converge(web(6))
    fleet.hosts["h3"].reachable = False
    del fleet.hosts["h1"].containers[0]
    report = fleet.converge(web(6))
    assert report.exit_code == 4
    assert report.unreachable == {"h3": "no answer"}
    assert {name: fleet.counts()[name] for name in ("h1", "h2")} == {"h1": 2, "h2": 2}


def test_a_host_that_missed_a_release_catches_up(fleet):
    """A host that was away gets the image and the record of the others."""
    fleet.converge(web(6))
    fleet.hosts["h3"].reachable = False
    assert fleet.converge(web(6, "demo/web:2")).exit_code == 4
    fleet.hosts["h3"].reachable = True
    assert fleet.converge(web(6, "demo/web:2")).exit_code == 0
    assert fleet.images() == {"demo/web:2"}
    assert {memory.folders["shop"].release.number for memory in fleet.hosts.values()} == {2}


def test_a_drained_host_is_emptied_after_its_replicas_run_elsewhere(fleet):
    """The new ones start first; the plan orders it so."""
    fleet.converge(web(6))
    wanted = intent(project(Service("web", replicas=6), hosts=[*HOSTS[:2], drained(HOSTS[2])]))
    report = fleet.converge(wanted)
    assert report.exit_code == 0
    assert fleet.counts() == {"h1": 3, "h2": 3}
    assert fleet.hosts["h3"].folders["shop"].manifest is None
    stop = next(step for step in report.plan.steps if step.kind is StepKind.STOP)
    starts = {step.id for step in report.plan.steps if step.kind is StepKind.START}
    assert starts <= set(stop.needs)


def test_a_host_that_left_the_play_is_found_and_emptied(fleet):
    """The record on the others names it, though no pattern does."""
    fleet.converge(web(6))
    wanted = intent(project(Service("web", replicas=6), hosts=HOSTS[:2]), hosts=HOSTS)
    assert fleet.converge(wanted).exit_code == 0
    assert fleet.counts() == {"h1": 3, "h2": 3}


def test_a_host_that_left_the_inventory_is_named(fleet):
    """It cannot be reached any more, so a note has to say it."""
    fleet.converge(web(6))
    wanted = intent(project(Service("web", replicas=6), hosts=HOSTS[:2]))
    (planned,) = fleet.plan(wanted).projects
    assert any("h3 left the inventory" in note for note in planned.notes)


def test_a_rolling_update_replaces_everything_two_at_a_time(fleet):
    """Never more than `parallelism` replicas are away at once."""
    update = Update(parallelism=2, order="stop-first")
    fleet.converge(web(6, update=update))
    lowest = []
    fleet.fault = lambda *call: lowest.append(sum(fleet.counts().values())) or ""
    report = fleet.converge(web(6, "demo/web:2", update=update))
    assert report.exit_code == 0
    assert fleet.images() == {"demo/web:2"}
    assert min(lowest) >= 4


def test_start_first_never_has_fewer_than_wanted(fleet):
    """The new one is ready before the old one goes."""
    update = Update(parallelism=1, order="start-first")
    fleet.converge(web(3, update=update))
    counts = []
    fleet.fault = lambda *call: counts.append(sum(fleet.counts().values())) or ""
    assert fleet.converge(web(3, "demo/web:2", update=update)).exit_code == 0
    assert (min(counts), max(counts)) == (3, 4)


def test_start_first_falls_back_where_the_surge_has_no_room(fleet):
    """max_replicas_per_node counts the old ones too; the plan says why."""
    update = Update(order="start-first")
    fleet.converge(web(3, update=update, max_per_host=1))
    report = fleet.converge(web(3, "demo/web:2", update=update, max_per_host=1))
    assert report.exit_code == 0
    assert any("stop-first instead" in note for note in report.plan.projects[0].notes)


def test_a_sick_new_version_stops_the_rollout_and_the_rest_stays(fleet):
    """The first batch fails, the others keep the old version, exit 5."""
    update = Update(parallelism=2, order="start-first")
    fleet.converge(web(6, update=update))
    for memory in fleet.hosts.values():
        memory.sick.add("demo/web:2")
    report = fleet.converge(web(6, "demo/web:2", update=update))
    assert report.exit_code == 5
    assert "unhealthy" in report.failures[0].reason
    assert sum(c.image == "demo/web:1" for m in fleet.hosts.values() for c in m.containers) == 6
    assert fleet.hosts["h1"].folders["shop"].lease is None


def test_a_missing_image_touches_nothing_anywhere(fleet):
    """Pulls come before the first stop, on every host."""
    fleet.converge(web(6))
    before = fleet.ids()
    fleet.hosts["h3"].images = {"demo/web:1"}
    report = fleet.converge(web(6, "demo/web:2"))
    assert report.exit_code == 5
    assert fleet.ids() == before
    assert not any(memory.folders["shop"].lease for memory in fleet.hosts.values())


def test_dependants_start_after_what_they_depend_on(fleet):
    """depends_on holds over hosts, not only within one."""
    services = (Service("web", replicas=2, depends_on=(Dependency("db"),)), Service("db"))
    report = fleet.converge(intent(project(*services, hosts=HOSTS)))
    steps = {step.service: step for step in report.plan.steps if step.kind is StepKind.START}
    assert steps["db"].id in steps["web"].needs


def test_a_finished_job_is_in_place(fleet):
    """A job runs once per spec: exited with 0 is its goal."""
    job = intent(project(Service("migrate", mode=Mode.REPLICATED_JOB), hosts=HOSTS))
    fleet.converge(job)
    for memory in fleet.hosts.values():
        memory.containers = [replace(c, state="exited") for c in memory.containers]
    assert not fleet.plan(job)


def test_foreign_containers_are_never_in_a_step(fleet):
    """Other projects and plain containers are left alone; the same project name is refused."""
    foreign = Container("f1", "other-web-1", project="other", service="web")
    fleet.hosts["h1"].containers.append(foreign)
    fleet.converge(web(6))
    fleet.converge(web(0))
    assert fleet.hosts["h1"].containers == [foreign]
    fleet.hosts["h1"].containers.append(Container("f2", "shop-web-9", project="shop", service="web"))
    with pytest.raises(Refused, match="shop-web-9 on h1"):
        fleet.converge(web(6))


def test_a_vanished_service_is_refused_until_it_is_allowed(fleet):
    """More than a third of the replicas would go because of a missing line."""
    both = intent(project(Service("web", replicas=3), Service("api", replicas=3), hosts=HOSTS))
    one = intent(project(Service("web", replicas=3), hosts=HOSTS))
    fleet.converge(both)
    with pytest.raises(Refused, match="3 of 6 healthy replicas"):
        fleet.converge(one)
    assert fleet.converge(one, PlanPolicy(guard=GuardPolicy(allow_vanished=True))).exit_code == 0
    assert fleet.counts("api") == {}


def test_a_project_of_another_play_is_refused(fleet):
    """Two plays cannot take each other's containers by sharing a name."""
    fleet.converge(web(3))
    other = replace(project(Service("web"), hosts=HOSTS), play="other.yaml: shop")
    with pytest.raises(Refused, match="belongs to the play"):
        fleet.converge(intent(other))


def test_another_runs_lease_is_respected(fleet):
    """Exit 7 naming the holder, and nothing is touched."""
    fleet.converge(web(3))
    fleet.hosts["h1"].folders["shop"].lease = Lease("other", who="ci@runner", expires_s=2_000_000)
    with pytest.raises(LeaseHeld, match="ci@runner"):
        fleet.converge(web(6))
    assert sum(fleet.counts().values()) == 3


def test_an_expired_lease_is_taken_over(fleet):
    """A killed run blocks nobody for longer than the expiry, by the host's own clock."""
    fleet.converge(web(3))
    fleet.hosts["h1"].folders["shop"].lease = Lease("dead", expires_s=fleet.hosts["h1"].now_s - 1)
    assert fleet.converge(web(6)).exit_code == 0


def test_waiting_for_a_lease_ends_when_it_is_given_back(fleet):
    """--lock-wait looks at the host again until the lease is gone."""
    fleet.converge(web(3))
    folder = fleet.hosts["h1"].folders["shop"]
    folder.lease = Lease("other", who="ci@runner", expires_s=2_000_000)

    def give_back(seconds: float) -> None:
        folder.lease = None

    run = fleet.run(web(6), sleep=give_back)
    run.options = replace(run.options, lock_wait_s=60)
    assert run.converge().exit_code == 0


def test_a_run_that_did_nothing_does_not_claim_to_have_converged(fleet):
    """Another run did it meanwhile; or the only host with anything to do was lost before it began."""
    fleet.converge(web(3))
    folder = fleet.hosts["h1"].folders["shop"]
    folder.lease = Lease("other", who="ci@runner", expires_s=2_000_000)

    def let_the_other_work(seconds: float) -> None:
        folder.lease = None
        assert fleet.converge(web(6)).exit_code == 0

    run = fleet.run(web(6), sleep=let_the_other_work, options=RunOptions(lock_wait_s=60))
    assert list(ending_lines(run.converge())) == ["Another run did it: nothing was left to do."]

    fleet.hosts["h1"].containers.pop()
    fleet.fault = lambda name, verb, when: "lost" if verb == "prepare" else ""
    report = fleet.converge(web(6))
    assert report.exit_code == 4
    assert list(ending_lines(report)) == ["h1: unreachable: no answer", "Nothing was changed."]


def test_a_limit_changes_only_its_hosts(fleet):
    """Sight is not limited, hands are: no second copies, no steps elsewhere."""
    limited = PlanPolicy(limit=frozenset({"h1"}))
    report = fleet.converge(web(6), limited)
    assert fleet.counts() == {"h1": 2}
    assert report.exit_code == 0


def test_an_unusable_host_stops_the_run_before_anything_is_touched(fleet):
    """A host that somebody has to set right would otherwise be planned around for good."""
    fleet.hosts["h2"].unusable = "docker is not installed"
    with pytest.raises(HostsUnusable, match="docker is not installed"):
        fleet.converge(web(6))
    assert fleet.counts() == {}
    assert fleet.converge(web(6), PlanPolicy(limit=frozenset({"h1"}))).exit_code == 4


def test_a_plan_that_was_agreed_on_is_done_or_nothing_is(fleet):
    """Whoever agreed sees each plan before its first step; a refusal comes before anything is touched."""
    fleet.converge(web(3))
    before = fleet.ids()

    def refuse(plan, seen):
        raise Refused([])

    with pytest.raises(Refused):
        fleet.converge(web(3, "demo/web:2"), agreed=refuse)
    assert fleet.ids() == before


def test_an_agreed_plan_is_not_made_anew_when_a_host_changes_under_it(fleet):
    """The second plan goes to whoever agreed, and is not carried out where that says no."""
    fleet.converge(web(3))
    plans = []

    def agreed(plan, seen):
        plans.append(plan)
        if len(plans) > 1:
            raise Refused([])

    def meddle(host_name: str, verb: str, when: str) -> str:
        if (host_name, verb, when) == ("h2", "prepare", "before"):
            fleet.hosts["h2"].containers.clear()
        return ""

    fleet.fault = meddle
    with pytest.raises(Refused):
        fleet.converge(web(3, "demo/web:2"), agreed=agreed)
    assert len(plans) == 2
    assert fleet.images() == {"demo/web:1"}
    assert not any(memory.folders["shop"].lease for memory in fleet.hosts.values())


def test_an_agreed_plan_ends_where_a_host_is_lost(fleet):
    """What was not agreed on (the rest, without that host) is not done."""
    fleet.converge(web(3))
    fleet.fault = lambda host_name, verb, when: "lost" if (host_name, verb) == ("h2", "prepare") else ""
    report = fleet.converge(web(3, "demo/web:2"), agreed=lambda plan, seen: None)
    assert report.exit_code == 5
    assert fleet.images() == {"demo/web:1"}


def test_a_service_that_was_scaled_to_zero_comes_back_to_its_data(fleet):
    """Its volume stays where its last replica was, whatever has become of the other hosts since."""

    def db(replicas: int, webs: int = 3) -> Intent:
        services = Service("db", replicas=replicas, volumes=("data",)), Service("web", replicas=webs)
        return intent(project(*services, hosts=HOSTS))

    fleet.hosts["h1"].reachable = False
    fleet.converge(db(1), PlanPolicy(guard=GuardPolicy(allow_partial=True)))
    assert fleet.counts("db") == {"h2": 1}
    fleet.hosts["h1"].reachable = True
    fleet.converge(db(0))
    fleet.converge(db(0, webs=6))
    assert fleet.counts("db") == {}
    fleet.converge(db(1, webs=6))
    assert fleet.counts("db") == {"h2": 1}
