"""The order of changes, by example; what must hold of every plan is in test_rollout_properties.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pytest

from deploytool.core.change.guard import GuardPolicy
from deploytool.core.change.reconcile import reconcile
from deploytool.core.change.rollout import RolledOut, roll_out
from deploytool.core.change.step_builder import gate_of
from deploytool.core.placement.schedule import schedule
from deploytool.model.constraint import parse_constraint
from deploytool.model.container import Container, HostPort
from deploytool.model.desired import Desired, HostFiles, Manifest, Spec
from deploytool.model.intent import Mode, Port, Resources, Service
from deploytool.model.inventory import Host, HostState
from deploytool.model.observed import Facts, Observed, ObservedHost
from deploytool.model.plan import Gate, GateGoal, Step, StepKind
from deploytool.model.policies import Dependency, Healthcheck, Update
from deploytool.plan.policy import PlanPolicy
from tests.builders import Fleet, drained, host, intent, project
from tests.unit.core.strategies import M, make_container, make_host, make_project

NEW, OLD = "1:new", "1:old"
H80, H81 = (HostPort(80),), (HostPort(81),)
P80, P81 = (Port(8080, 80, 80),), (Port(8080, 81, 81),)
START_FIRST = Update(order="start-first")


def plan(
    services: Sequence[Service],
    held: Mapping[str, Iterable[Container]],
    hosts: Sequence[Host] = (),
    earlier: Mapping[str, str] | None = None,
) -> RolledOut:
    """The plan for these services on hosts that hold these containers."""
    shop = make_project(hosts or [make_host(name) for name in held], services)
    observed = Observed({name: ObservedHost(containers=tuple(found)) for name, found in held.items()})
    files = {
        h.name: HostFiles(Manifest(""), {s.name: Spec(NEW, s.name, {"image": "b"}) for s in services})
        for h in shop.hosts
    }
    changes = reconcile(shop, schedule(shop, observed), files, observed)
    return roll_out(shop, changes, observed, None, earlier or {})


def held(service: str, number: int = 1, spec: str = NEW, host: str = "h1", **changes: object) -> Container:
    return make_container(service, number, host=host, spec=spec, **changes)


def steps(rolled: RolledOut, kind: StepKind | None = None, service: str = "") -> list[Step]:
    return [
        step
        for step in rolled.steps
        if step.service and kind in (None, step.kind) and service in ("", step.service)
    ]


def short(rolled: RolledOut) -> list[str]:
    """The steps in the order of the plan: ``stop web on h1``."""
    return [f"{step.kind.value} {step.service} on {step.host}" for step in steps(rolled)]


def needs(rolled: RolledOut, step: Step) -> set[str]:
    """All steps that a step waits for, directly or not."""
    known = {known.id: known for known in rolled.steps}
    found: set[str] = set()
    todo = list(step.needs)
    while todo:
        found.add(todo[-1])
        todo += [need for need in known[todo.pop()].needs if need not in found]
    return found


def only(found: list[Step]) -> Step:
    (step,) = found
    return step


# --- the roll ------------------------------------------------------------------------------------------


def test_batches_go_over_the_whole_play_and_wait_for_each_other():
    """Two at a time over three hosts with two each: three batches, the delay between them."""
    names = ("h1", "h2", "h3")
    old = {name: [held("web", n, OLD, name) for n in (1, 2)] for name in names}
    web = Service("web", replicas=6, update=Update(parallelism=2, delay_s=3.0))
    rolled = plan([web], old)
    assert short(rolled) == [f"{verb} web on {name}" for name in names for verb in ("stop", "start")]
    stops = steps(rolled, StepKind.STOP)
    assert [stop.delay_s for stop in stops] == [0.0, 3.0, 3.0]
    assert [len(needs(rolled, stop)) for stop in stops] == [0, 2, 4]
    assert {step.cause for step in steps(rolled)} == {"changed: spec"}


def test_a_batch_may_cross_hosts():
    """Three at a time, two a host: the first batch takes one of the second host."""
    old = {name: [held("web", n, OLD, name) for n in (1, 2)] for name in ("h1", "h2")}
    rolled = plan([Service("web", replicas=4, update=Update(parallelism=3))], old)
    assert [(step.host, step.count) for step in steps(rolled, StepKind.STOP)] == [
        ("h1", 2),
        ("h2", 1),
        ("h2", 1),
    ]


def test_all_at_once_is_one_batch():
    """parallelism 0."""
    old = {name: [held("web", 1, OLD, name)] for name in ("h1", "h2")}
    rolled = plan([Service("web", replicas=2, update=Update(parallelism=0))], old)
    assert all(not stop.needs for stop in steps(rolled, StepKind.STOP))


def test_start_first_states_the_sum_with_the_surge():
    """One more than wanted while it rolls, one by one."""
    rolled = plan(
        [Service("web", replicas=2, update=START_FIRST)], {"h1": [held("web", n, OLD) for n in (1, 2)]}
    )
    assert [(step.kind, step.total) for step in steps(rolled)] == [
        (StepKind.START, 3),
        (StepKind.STOP, 2),
        (StepKind.START, 3),
        (StepKind.STOP, 2),
    ]
    assert rolled.surged == {"web"}


def test_broken_ones_go_first_and_stop_first():
    """Nothing is lost with them, whatever the order says; the cause names what ails them."""
    old = {"h1": [held("web", 1, OLD)], "h2": [held("web", 1, OLD, "h2", state="exited", exit_code=137)]}
    rolled = plan([Service("web", replicas=2, update=START_FIRST)], old)
    assert short(rolled) == [
        "stop web on h2",
        "start web on h2",
        "start web on h1",
        "stop web on h1",
    ]
    assert steps(rolled)[0].cause == "shop-web-1 exited (137)"


def test_missing_ones_come_before_any_replacement():
    """A repair adds first; then the roll takes away."""
    old = {"h1": [held("web", 1, OLD)], "h2": [held("web", 1, state="exited")], "h3": []}
    rolled = plan([Service("web", replicas=3)], old)
    stop = only(steps(rolled, StepKind.STOP))
    ups = {step.id for step in steps(rolled) if step.kind in (StepKind.START, StepKind.RESTART)}
    assert len(ups & needs(rolled, stop)) == 2


def test_surplus_goes_when_its_successors_are_ready_also_during_an_update():
    """A drain and an update at once: the drained host is emptied last."""
    hosts = [make_host("h1"), make_host("h2", state=HostState.DRAIN)]
    old = {name: [held("web", 1, OLD, name)] for name in ("h1", "h2")}
    rolled = plan([Service("web", replicas=2)], old, hosts)
    leave = only([step for step in steps(rolled, StepKind.STOP) if step.host == "h2"])
    assert leave.cause == "the host is drained"
    assert {step.id for step in steps(rolled, StepKind.START)} <= needs(rolled, leave)


def test_a_replica_that_is_only_starting_is_waited_for_before_the_old_one_goes():
    """What an interrupted surge left: the new one is in place, but not ready; the old one still works."""
    both = [held("web", 1, OLD), held("web", 2, health="starting")]
    rolled = plan([Service("web")], {"h1": both})
    wait, stop = steps(rolled)
    assert (wait.kind, wait.count, wait.total) == (StepKind.START, 0, 2)
    assert wait.cause == "until shop-web-2 is healthy"
    assert stop.needs == (wait.id,)


def test_nobody_waits_for_what_is_starting_where_nothing_depends_on_it():
    """Else the plan would not be empty after a start."""
    assert plan([Service("web")], {"h1": [held("web", health="starting")]}).steps == ()


# --- dependencies --------------------------------------------------------------------------------------


def test_a_job_completes_before_its_dependants_start():
    """A migration before the web, on whatever host."""
    migrate = Service("migrate", mode=Mode.REPLICATED_JOB)
    web = Service("web", replicas=2, depends_on=(Dependency("migrate", "service_completed_successfully"),))
    rolled = plan([web, migrate], {"h1": [], "h2": []})
    job = only(steps(rolled, service="migrate"))
    assert job.gate == Gate(GateGoal.COMPLETED, 3600.0)
    assert all(job.id in step.needs for step in steps(rolled, service="web"))


def test_a_job_that_still_runs_is_waited_for():
    """A run that died left it running: its dependants wait until it has finished."""
    migrate = Service("migrate", mode=Mode.REPLICATED_JOB)
    web = Service("web", depends_on=(Dependency("migrate", "service_completed_successfully"),))
    rolled = plan([web, migrate], {"h1": [held("migrate")]})
    wait, start = steps(rolled)
    assert (wait.service, wait.count, wait.cause) == ("migrate", 0, "until shop-migrate-1 has finished")
    assert start.needs == (wait.id,)


def test_dependencies_reach_through_what_is_not_touched():
    """web → db → migrate, and only db is as it should be."""
    services = [
        Service("web", depends_on=(Dependency("db"),)),
        Service("db", depends_on=(Dependency("migrate"),)),
        Service("migrate"),
    ]
    rolled = plan(services, {"h1": [held("db")]})
    assert short(rolled) == ["start migrate on h1", "start web on h1"]
    assert steps(rolled)[0].id in steps(rolled)[1].needs


def test_a_dependant_waits_for_the_whole_roll():
    """The last batch stands for all of them."""
    old = {name: [held("db", 1, OLD, name), held("web", 1, OLD, name)] for name in ("h1", "h2")}
    services = [Service("web", replicas=2, depends_on=(Dependency("db"),)), Service("db", replicas=2)]
    rolled = plan(services, old)
    first = steps(rolled, StepKind.STOP, "web")[0]
    assert {step.id for step in steps(rolled, service="db")} <= needs(rolled, first)


# --- room ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("web", "why"),
    [
        ({"max_per_host": 1}, "h1 would hold 2 replicas, more than max_replicas_per_node 1"),
        ({"ports": P80}, "h1 has port 80 in use, beside the old ones"),
        ({"reserve": Resources(memory_bytes=60 * M)}, "h1 lacks 60M, beside the old ones"),
    ],
)
def test_start_first_falls_back_where_a_surge_has_no_room_and_says_why(web, why):
    """The filters hold for the surge, too."""
    service = Service("web", update=START_FIRST, **web)
    old = held("web", 1, OLD, ports=H80 if service.ports else (), reserve=service.reserve)
    rolled = plan([service], {"h1": [old]}, [make_host("h1", memory_bytes=100 * M)])
    assert rolled.notes == (f"web: stop-first instead of start-first, since {why}",)
    assert short(rolled) == ["stop web on h1", "start web on h1"]


def test_two_surges_that_fit_one_by_one_but_not_together():
    """Both roll at the same time, so only the first in the file gets the room."""
    reserve = Resources(memory_bytes=30 * M)
    services = [Service(name, update=START_FIRST, reserve=reserve) for name in ("web", "api")]
    old = [held(name, 1, OLD, reserve=reserve) for name in ("web", "api")]
    rolled = plan(services, {"h1": old}, [make_host("h1", memory_bytes=100 * M)])
    assert rolled.surged == {"web"}


def test_a_port_passes_from_a_replaced_replica():
    """web gives port 80 to a proxy in front of it, host by host, and loses no more than its policy says."""
    names = ("h1", "h2")
    old = {name: [held("web", 1, OLD, name, ports=H80)] for name in names}
    services = [Service("proxy", replicas=2, ports=P80), Service("web", replicas=2)]
    rolled = plan(services, old)
    for name in names:
        start = only([s for s in steps(rolled, StepKind.START, "proxy") if s.host == name])
        stop = only([s for s in steps(rolled, StepKind.STOP, "web") if s.host == name])
        assert stop.id in start.needs
    assert len(needs(rolled, steps(rolled, StepKind.STOP, "web")[1])) == 2
    assert rolled.notes == ()


def test_ports_that_are_swapped():
    """Each new one waits for the other's old one."""
    old = [held("one", 1, OLD, ports=H80), held("two", 1, OLD, ports=H81)]
    rolled = plan([Service("one", ports=P81), Service("two", ports=P80)], {"h1": old})
    stops = {step.id for step in steps(rolled, StepKind.STOP)}
    assert all(stops <= needs(rolled, step) for step in steps(rolled, StepKind.START))
    assert rolled.notes == ()


def test_a_port_that_passes_round_in_a_circle_is_given_up_first():
    """web waits for proxy, and proxy for web's port: the old web goes first, and a note says so."""
    services = [Service("proxy", ports=P80), Service("web", depends_on=(Dependency("proxy"),))]
    rolled = plan(services, {"h1": [held("web", 1, OLD, ports=H80)]})
    assert short(rolled) == ["stop web on h1", "start proxy on h1", "start web on h1"]
    assert rolled.notes == ("web is stopped before its successor is ready on h1, since proxy takes its port",)


def test_a_renamed_service_gives_up_its_port():
    """What left the file waits for its successors, except where they need its port."""
    rolled = plan([Service("www", ports=P80)], {"h1": [held("web", ports=H80)]})
    assert short(rolled) == ["stop web on h1", "start www on h1"]
    assert len(rolled.notes) == 1


def test_another_address_is_another_port():
    """127.0.0.1:80 and 10.0.0.1:80 go together: nobody has to wait."""
    wanted = Service("www", ports=(Port(80, 80, 80, ip="10.0.0.1"),))
    rolled = plan([wanted], {"h1": [held("web", ports=(HostPort(80, ip="127.0.0.1"),))]})
    assert short(rolled) == ["start www on h1", "stop web on h1"]


def test_a_reservation_that_passes_is_waited_for():
    """api has to leave h1 before web has room there; api is up on h2 by then."""
    hosts = [make_host("h1", memory_bytes=100 * M), make_host("h2")]
    big = Resources(memory_bytes=80 * M)
    api = Service("api", reserve=big, constraints=(parse_constraint("node.hostname != h1"),))
    web = Service("web", reserve=big, replicas=2, max_per_host=1)
    rolled = plan([web, api], {"h1": [held("api", reserve=big)], "h2": []}, hosts)
    web_on_h1 = only([s for s in steps(rolled, StepKind.START, "web") if s.host == "h1"])
    leave = only(steps(rolled, StepKind.STOP, "api"))
    assert leave.id in web_on_h1.needs
    assert only(steps(rolled, StepKind.START, "api")).id in leave.needs


def test_a_port_passes_between_projects_of_one_run():
    """The later project waits for the earlier one's stop."""
    blog = make_container("web", 1, project="blog", ports=H80)
    shop = make_project([make_host("h1")], [Service("web", ports=P80)])
    observed = Observed({"h1": ObservedHost(containers=(blog,))})
    files = {"h1": HostFiles(Manifest(""), {"web": Spec(NEW, "web")})}
    changes = reconcile(shop, Desired("shop", {("web", "h1"): 1}), files, observed)
    later = roll_out(shop, changes, observed, None, {blog.id: "blog/h1/web/stop/1"})
    assert only(steps(later)).needs == ("blog/h1/web/stop/1",)


# --- gates and times -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "timeout_s", "gate"),
    [
        (Service("web"), None, Gate(GateGoal.READY, 15.0, 5.0)),
        (Service("web", update=Update(monitor_s=30.0)), None, Gate(GateGoal.READY, 15.0, 30.0)),
        (
            Service("web", healthcheck=Healthcheck(2.0, 1.0, retries=3, start_period_s=10.0)),
            None,
            Gate(GateGoal.READY, 34.0),
        ),
        (Service("web"), 7.0, Gate(GateGoal.READY, 7.0, 5.0)),
        (Service("web", mode=Mode.GLOBAL_JOB), None, Gate(GateGoal.COMPLETED, 3600.0)),
        (Service("web", mode=Mode.GLOBAL_JOB), 60.0, Gate(GateGoal.COMPLETED, 60.0)),
    ],
)
def test_every_wait_has_a_deadline(service, timeout_s, gate):
    """From the healthcheck, with slack for a busy host; --timeout overrides."""
    assert gate_of(make_project([], [service]), service, timeout_s) == gate


def test_what_takes_the_place_of_another_is_watched_for_monitor():
    """Healthy once is not enough where something that works is given up; a first start is not held up."""
    web = Service("web", healthcheck=Healthcheck(), update=Update(monitor_s=7.0))
    shop = make_project([], [web])
    assert gate_of(shop, web, None).hold_s == 0
    assert gate_of(shop, web, None, rolled=True).hold_s == 7


def test_a_broken_surplus_goes_first_and_waits_for_nothing():
    """What a failed run kept for inspection is gone before the next try makes another one."""
    old = [held("web", n, OLD) for n in (1, 2)]
    kept = held("web", 3, NEW, health="unhealthy")
    rolled = plan([Service("web", replicas=2, update=START_FIRST)], {"h1": [*old, kept]})
    first = steps(rolled)[0]
    assert (first.kind, [ref.id for ref in first.containers], first.needs) == (StepKind.STOP, [kept.id], ())
    assert first.cause == f"{kept.name} is unhealthy"


def test_what_was_only_just_started_is_watched_before_the_old_one_goes():
    """A run was killed while it waited for the new one: nobody knows yet whether that one keeps running."""
    old, new = held("web", 1, OLD), held("web", 2, NEW, started_s=98.0)
    shop = make_project([make_host("h1")], [Service("web", update=Update(monitor_s=5.0))])
    observed = Observed({"h1": ObservedHost(Facts(now_s=100.0), (old, new))})
    files = {"h1": HostFiles(Manifest(""), {"web": Spec(NEW, "web", {"image": "b"})})}
    rolled = roll_out(shop, reconcile(shop, schedule(shop, observed), files, observed), observed)
    wait, stop = steps(rolled)
    assert (wait.kind, wait.count, wait.cause) == (StepKind.START, 0, f"until {new.name} keeps running")
    assert (stop.kind, [ref.id for ref in stop.containers]) == (StepKind.STOP, [old.id])
    assert wait.id in stop.needs


def test_a_service_that_left_the_file_stops_in_its_own_time():
    """Its containers know their grace period; the file does not any more."""
    gone = held("old", stop_grace_s=90.0)
    rolled = plan([Service("web")], {"h1": [held("web"), gone]})
    assert only(steps(rolled, StepKind.STOP)).grace_s == 90


# --- jobs that are done --------------------------------------------------------------------------------

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


def test_a_renamed_container_that_does_its_work_waits_for_its_successor():
    """Its name is its only fault: leaving a drained host, it goes when the new one is ready, not before."""
    hosts = [make_host("h1", state=HostState.DRAIN), make_host("h2")]
    renamed = held("web", name="0123456789ab_shop-web-1")
    rolled = plan([Service("web")], {"h1": [renamed], "h2": []}, hosts)
    (start,) = steps(rolled, StepKind.START)
    (stop,) = steps(rolled, StepKind.STOP)
    assert start.host == "h2"
    assert start.id in needs(rolled, stop)
