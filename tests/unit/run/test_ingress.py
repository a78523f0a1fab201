"""Ingress through the whole line, on hosts in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise, product

import pytest

from deploytool.backend.compose.render.renderer import ComposeRenderer
from deploytool.backend.memory.engine import MemoryEngine
from deploytool.backend.memory.host import Crash
from deploytool.model.container import Container
from deploytool.model.ingress import INGRESS_PROJECT, UNFINISHED, IngressKeys, ProxySettings
from deploytool.model.intent import Port, Project, Service
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan, Step, StepKind
from deploytool.model.policies import Update
from deploytool.plan.planner import Planner
from deploytool.plan.policy import PlanPolicy
from deploytool.report.plan import plan_text
from deploytool.run.down import prepare_down, take_down
from tests.builders import Fleet, drained, host, intent, project

HOSTS = tuple(host(name) for name in ("h1", "h2", "h3"))


def shop(
    replicas: int = 6,
    image: str = "demo/web:1",
    hosts: Sequence[Host] = HOSTS,
    order: str = "start-first",
    envoy: str = "envoy:1",
    **service: object,
) -> Project:
    update = Update(order=order, parallelism=2, monitor_s=0)
    ports = (Port(8080, 80, 80, mode="ingress"),)
    given = {"ports": ports, "exposure": IngressKeys(), "update": update, **service}
    made = project(Service("web", replicas=replicas, **given), hosts=hosts, images={"web": image})
    return replace(made, proxy_settings=ProxySettings(envoy))


def up(**options: object) -> Fleet:
    fleet = Fleet.of("h1", "h2", "h3")
    assert fleet.converge(intent(shop(**options))).exit_code == 0
    return fleet


def needs(plan: Plan, step: Step) -> set[str]:
    """All steps that come before one, directly or not."""
    known = {each.id: each for each in plan.steps}
    found, todo = set(), [step.id]
    while todo:
        new = set(known[todo.pop()].needs) - found
        found |= new
        todo += new
    return found


def local(fleet: Fleet) -> dict[str, set[str]]:
    return {name: set(h.served["shop"].local["web"]) for name, h in fleet.hosts.items() if "shop" in h.served}


def replicas(fleet: Fleet, host_name: str) -> list[Container]:
    return [c for c in fleet.hosts[host_name].containers if c.service == "web"]


def assert_true_endpoints(fleet: Fleet) -> None:
    """Every proxy lists its own replicas by name, and every other host that has some by their number."""
    counts = {name: len(replicas(fleet, name)) for name in fleet.hosts}
    for name, memory in fleet.hosts.items():
        served = memory.served["shop"]
        assert set(served.local["web"]) == {c.name for c in replicas(fleet, name)}
        assert served.remote["web"] == {other: n for other, n in counts.items() if n and other != name}


def test_the_proxies_are_one_more_project() -> None:
    """They are planned, started and recorded as all others; then nothing is left to do."""
    fleet = up()
    assert fleet.counts("envoy") == fleet.counts("net") == {"h1": 1, "h2": 1, "h3": 1}
    assert all(memory.folders[INGRESS_PROJECT].release for memory in fleet.hosts.values())
    assert_true_endpoints(fleet)
    plan = fleet.plan(intent(shop()))
    assert not plan
    assert plan_text(plan).startswith("deploytool-ingress · 3 hosts · all\n  net    3 replicas in place\n")


def test_a_replica_leaves_the_endpoints_before_it_stops() -> None:
    """new ready → in the endpoints → old out → drained → stopped; and the plan shows it."""
    for order in ("start-first", "stop-first"):
        fleet = up()
        plan = fleet.plan(intent(shop(image="demo/web:2", order=order)))
        known = {step.id: step for step in plan.steps}
        stops = [step for step in plan.steps if step.kind is StepKind.STOP]
        assert len(stops) == 3
        for stop in stops:
            before = [known[name] for name in needs(plan, stop) if known[name].host == stop.host]
            (drain,) = (step for step in before if step.kind is StepKind.DRAIN)
            assert drain.containers == stop.containers
            assert any(s.kind is StepKind.ENDPOINTS and s.containers == stop.containers for s in before)
        assert "h1   ± replace 2   ⇄ drain 2   changed: image" in plan_text(plan)
        assert fleet.converge(intent(shop(image="demo/web:2", order=order))).exit_code == 0
        assert_true_endpoints(fleet)


def test_with_stop_first_new_replicas_are_listed_before_the_next_ones_go() -> None:
    """Else two batches at once would be away as the proxies see it."""
    plan = up().plan(intent(shop(image="demo/web:2", order="stop-first")))
    known = {step.id: step for step in plan.steps}
    stops = [step for step in plan.steps if step.kind is StepKind.STOP]
    for earlier, later in pairwise(stops):
        shown = [known[n] for n in needs(plan, later) if known[n].kind is StepKind.ENDPOINTS]
        assert any(step.host == earlier.host and not step.containers for step in shown)


def test_all_others_leave_a_host_out_while_its_only_replica_is_away() -> None:
    """With stop-first and one replica a host: out of every proxy before it goes, in again when it is back."""
    fleet = up(replicas=3)
    wanted = intent(shop(3, image="demo/web:2", order="stop-first"))
    plan = fleet.plan(wanted)
    known = {step.id: step for step in plan.steps}
    for stop in (step for step in plan.steps if step.kind is StepKind.STOP):
        before = {known[n].host for n in needs(plan, stop) if (stop.host, 0) in known[n].remotes}
        assert before == {"h1", "h2", "h3"} - {stop.host}
        back = [step for step in plan.steps if (stop.host, 1) in step.remotes]
        assert {step.host for step in back} == before
        assert all(f"shop/{stop.host}/web/start/1" in needs(plan, step) for step in back)
    assert fleet.converge(wanted).exit_code == 0
    assert_true_endpoints(fleet)


def test_all_others_forget_a_host_before_its_last_replica_goes() -> None:
    """Scaling down to two on three hosts: the host that is left without any gets no request from others."""
    fleet = up()
    plan = fleet.plan(intent(shop(2)))
    known = {step.id: step for step in plan.steps}
    (last,) = (s for s in plan.steps if s.kind is StepKind.STOP and s.count == 2)
    out = next(s for s in plan.steps if s.host == last.host and s.containers == last.containers)
    forgotten = {known[n].host for n in needs(plan, out) if (last.host, 0) in known[n].remotes}
    assert forgotten == {"h1", "h2", "h3"} - {last.host}
    assert fleet.converge(intent(shop(2))).exit_code == 0
    assert_true_endpoints(fleet)
    assert fleet.converge(intent(shop(6))).exit_code == 0
    assert_true_endpoints(fleet)


def test_a_host_that_leaves_forgets_the_project_last() -> None:
    """The others leave it out, its replicas are drained and stop; until then its proxy passes requests on."""
    fleet = up()
    two = replace(intent(shop()), projects=(shop(hosts=HOSTS[:2]),))
    plan = fleet.plan(two)
    steps = [s for s in plan.steps if (s.kind, s.host, s.project) == (StepKind.ENDPOINTS, "h3", "shop")]
    assert [bool(step.containers) for step in steps] == [True, False]
    assert not any(step.remotes for step in steps)
    known = {step.id: step for step in plan.steps}
    out = {known[n].host for n in needs(plan, steps[0]) if ("h3", 0) in known[n].remotes}
    assert out == {"h1", "h2"}
    assert {"shop/h3/web/stop/1", "shop/h3/web/drain/1"} <= needs(plan, steps[1])
    assert fleet.converge(two).exit_code == 0
    assert fleet.counts() == {"h1": 3, "h2": 3}
    assert not fleet.hosts["h3"].served
    assert not fleet.hosts["h3"].containers
    assert not fleet.plan(two)


def test_a_drained_host_answers_on() -> None:
    """Its replicas go elsewhere, its proxy stays and sends requests to the others."""
    fleet = up()
    hosts = (drained(HOSTS[0]), *HOSTS[1:])
    assert fleet.converge(intent(shop(hosts=hosts))).exit_code == 0
    assert fleet.counts() == {"h2": 3, "h3": 3}
    assert fleet.counts("envoy") == {"h1": 1, "h2": 1, "h3": 1}
    assert_true_endpoints(fleet)


def test_a_new_proxy_listens_before_the_old_one_lets_go() -> None:
    """Another image replaces the proxy beside the old one; the holder of the ports stays as it is."""
    fleet = up()
    holders = fleet.ids("net")
    plan = fleet.plan(intent(shop(envoy="envoy:2")))
    known = {step.id: step for step in plan.steps}
    for stop in (step for step in plan.steps if step.kind is StepKind.STOP):
        assert stop.service == "envoy"
        here = [known[name].kind.value for name in needs(plan, stop) if known[name].host == stop.host]
        assert sorted(here) == ["drain", "endpoints", "start"]
    assert fleet.converge(intent(shop(envoy="envoy:2"))).exit_code == 0
    assert fleet.ids("net") == holders
    assert fleet.images("envoy") == {"envoy:2"}


def test_a_proxy_lingers_while_it_has_connections() -> None:
    """The host says so: nothing is left to do, and when it does not say so any more, it goes."""
    fleet = up()
    memory = fleet.hosts["h2"]
    (proxy,) = (c for c in memory.containers if c.service == "envoy")
    old = replace(proxy, id="old", name="old", number=9, let_go=True, lingers=True)
    memory.containers.append(old)
    plan = fleet.plan(intent(shop()))
    assert not plan
    assert "note: a proxy that was replaced keeps its last connections on h2" in plan_text(plan)

    memory.containers[-1] = replace(old, lingers=False)
    plan = fleet.plan(intent(shop()))
    assert [(step.kind, step.host) for step in plan.steps if step.service == "envoy"] == [
        (StepKind.DRAIN, "h2"),
        (StepKind.STOP, "h2"),
    ]
    assert fleet.converge(intent(shop())).exit_code == 0
    assert proxy in memory.containers
    assert old not in [replace(c, lingers=True) for c in memory.containers]


def test_what_an_interrupted_update_left_behind_is_let_go_too() -> None:
    """Two proxies on a host, since a run died between them: the old one is drained before it stops."""
    fleet = up()
    memory = fleet.hosts["h2"]
    (proxy,) = (c for c in memory.containers if c.service == "envoy")
    memory.containers.append(replace(proxy, id="old", name="old", number=0, spec="1:old"))
    plan = fleet.plan(intent(shop()))
    (stop,) = (step for step in plan.steps if step.kind is StepKind.STOP)
    assert [ref.id for ref in stop.containers] == ["old"]
    assert f"{INGRESS_PROJECT}/h2/envoy/drain/1" in needs(plan, stop)


def test_a_proxy_that_lost_its_network_is_made_anew_after_its_holder() -> None:
    """Somebody removed the holder: the proxy still runs, reaches nobody, and has nothing to be drained of."""
    fleet = up()
    memory = fleet.hosts["h2"]
    (holder,) = (c for c in memory.containers if c.service == "net")
    sick = [replace(c, state="dead") if c.service == "envoy" else c for c in memory.containers]
    memory.containers, well = sick, memory.containers
    assert fleet.plan(intent(shop()))  # one that is broken makes way for its successor, as anywhere
    memory.containers = well
    memory.containers = [
        replace(c, network_of="0" * 64) if c.service == "envoy" else c
        for c in memory.containers
        if c != holder
    ]
    plan = fleet.plan(intent(shop()))
    (start,) = (s for s in plan.steps if s.kind is StepKind.START and s.service == "envoy")
    assert {f"{INGRESS_PROJECT}/h2/net/start/1", f"{INGRESS_PROJECT}/h2/envoy/stop/1"} <= needs(plan, start)
    assert not [step for step in plan.steps if step.kind is StepKind.DRAIN]
    assert "deploytool-ingress-envoy-1 lost its network" in plan_text(plan)
    assert fleet.converge(intent(shop())).exit_code == 0


def test_a_clash_holds_back_those_that_clash() -> None:
    """Two projects that want the same, each told of the other; a third one is planned all the same."""
    blog = replace(shop(3), name="blog", play="site.yaml: blog")
    third = replace(
        shop(3, ports=(Port(8080, 81, 81, mode="ingress"),)), name="third", play="site.yaml: third"
    )
    fleet = Fleet.of("h1", "h2", "h3")
    seen = Observed({name: MemoryEngine(memory).observe() for name, memory in fleet.hosts.items()})
    plan, problems = Planner(ComposeRenderer()).plan_each(intent(shop(), blog, third), seen, PlanPolicy())
    assert [project.project for project in plan.projects] == [INGRESS_PROJECT, "third"]
    assert sorted(problems) == ["blog", "shop"]
    for error in problems.values():
        (problem,) = error.problems
        assert "blog/web and shop/web" in problem.message


def test_another_port_renews_holder_and_proxy_one_host_at_a_time() -> None:
    """The next host's holder goes only when the proxy of the one before listens again."""
    fleet = up()
    more = shop(ports=(Port(8080, 80, 80, mode="ingress"), Port(8080, 81, 81, mode="ingress")))
    plan = fleet.plan(intent(more))
    known = {step.id: step for step in plan.steps}
    stops = [s for s in plan.steps if s.kind is StepKind.STOP and s.service == "net"]
    assert len(stops) == 3
    for earlier, later in pairwise(stops):
        assert f"{INGRESS_PROJECT}/{earlier.host}/envoy/endpoints/1" in needs(plan, later)
    for start in (s for s in plan.steps if s.kind is StepKind.START and s.service == "envoy"):
        assert f"{INGRESS_PROJECT}/{start.host}/net/start/1" in needs(plan, start)
    assert known
    assert fleet.converge(intent(more)).exit_code == 0
    assert not fleet.plan(intent(more))


def test_the_last_project_takes_the_proxies_along() -> None:
    """Down: replicas are drained, the proxies go after them, and nothing is remembered."""
    fleet = up()
    run = fleet.run(intent(shop()))
    prepare_down(run, ["shop"])
    report, problems = take_down(run)
    assert (report.exit_code, problems) == (0, {})
    assert not any(memory.containers or memory.served for memory in fleet.hosts.values())
    assert not any(memory.folders for memory in fleet.hosts.values())


def test_a_project_that_leaves_ingress_leaves_the_others_alone() -> None:
    """One project goes to plain publishing; the other's endpoints and the proxies stay."""
    fleet = up()
    blog = replace(shop(ports=(Port(8080, 81, 81, mode="ingress"),)), name="blog", play="site.yaml: blog")
    assert fleet.converge(intent(shop(), blog)).exit_code == 0
    plain = shop(3, ports=(), exposure=None)
    assert fleet.converge(intent(plain, blog)).exit_code == 0
    assert all(set(memory.served) == {"blog"} for memory in fleet.hosts.values())
    assert fleet.counts("envoy") == {"h1": 1, "h2": 1, "h3": 1}


def test_the_last_project_of_a_playbook_leaves_the_proxies_of_others_as_they_are() -> None:
    """Its files say nothing of them any more: neither their image nor their ports change."""
    fleet = Fleet.of("h1", "h2", "h3")
    settings = ProxySettings("envoy:own", (20000, 20009))
    first = replace(shop(), proxy_settings=settings)
    blog = replace(shop(ports=(Port(8080, 81, 81, mode="ingress"),)), name="blog", proxy_settings=settings)
    assert fleet.converge(intent(first)).exit_code == 0
    assert fleet.converge(intent(blog)).exit_code == 0
    run = fleet.run(intent(replace(blog, proxy_settings=ProxySettings())))
    prepare_down(run, ["blog"])
    report, _ = take_down(run)
    assert report.exit_code == 0
    assert fleet.images("envoy") == {"envoy:own"}
    assert not fleet.plan(intent(first))


def test_endpoints_that_are_not_true_are_a_difference() -> None:
    """A proxy that lists what is not there is set right, without touching a replica."""
    fleet = up()
    ids = fleet.ids()
    memory = fleet.hosts["h2"]
    memory.served["shop"] = replace(
        memory.served["shop"], local={"web": ("gone-1",)}, remote={"web": {"h9": 1}}
    )
    plan = fleet.plan(intent(shop()))
    assert {step.host for step in plan.steps} == {"h2"}
    assert plan_text(plan).endswith("Plan: no replica changes; endpoints are brought up to date on 1 host.\n")
    assert fleet.converge(intent(shop())).exit_code == 0
    assert_true_endpoints(fleet)
    assert fleet.ids() == ids


def test_what_a_proxy_did_not_take_is_a_difference() -> None:
    """All is written and nothing changed, since a run was killed there or refused: it is handed in again."""
    fleet = up()
    memory = fleet.hosts["h2"]
    memory.served["shop"] = replace(memory.served["shop"], digest=UNFINISHED)
    plan = fleet.plan(intent(shop()))
    (step,) = (step for step in plan.steps if step.kind is StepKind.ENDPOINTS)
    assert (step.host, step.cause) == ("h2", "its last change was not finished")
    assert fleet.converge(intent(shop())).exit_code == 0
    assert not fleet.plan(intent(shop()))


def test_the_last_replicas_of_all_hosts_go_at_once() -> None:
    """None counts on the others, which go at the same time: a proxy would wait for them in vain."""
    fleet = up(replicas=2)
    assert sum(bool(replicas(fleet, name)) for name in fleet.hosts) == 2
    run = fleet.run(intent(shop(2)))
    prepare_down(run, ["shop"])
    plan, _ = run.plan()
    out = [step for step in plan.steps if step.kind is StepKind.ENDPOINTS and step.containers]
    assert len(out) == 2
    for step in out:
        assert {host for host, _ in step.remotes} == {other.host for other in out} - {step.host}
        assert not any(weight for _, weight in step.remotes)


def test_a_dead_replica_is_waited_for_by_nobody() -> None:
    """What does not run has no requests: it is replaced without a drain."""
    fleet = up()
    memory = fleet.hosts["h1"]
    memory.containers = [
        replace(c, state="dead") if c.service == "web" and c.number == 1 else c for c in memory.containers
    ]
    plan = fleet.plan(intent(shop()))
    assert not [step for step in plan.steps if step.kind is StepKind.DRAIN]
    assert fleet.converge(intent(shop())).exit_code == 0
    assert_true_endpoints(fleet)


def test_a_dead_proxy_beside_one_that_runs_holds_no_update_up() -> None:
    """What an interrupted update left behind goes first, and waits for nobody."""
    fleet = up()
    memory = fleet.hosts["h2"]
    (proxy,) = (c for c in memory.containers if c.service == "envoy")
    dead = replace(proxy, id="dead", name="deploytool-ingress-envoy-9", number=9, state="exited", exit_code=1)
    memory.containers.append(dead)
    report = fleet.converge(intent(shop(envoy="envoy:2")))
    assert report.exit_code == 0, report.failures
    assert fleet.images("envoy") == {"envoy:2"} and len(fleet.ids("envoy")) == 3
    assert_true_endpoints(fleet)


def test_a_dead_proxy_is_not_waited_for_when_everything_goes() -> None:
    """Nobody listens to what it would be told: down ends, and leaves nothing."""
    fleet = up()
    memory = fleet.hosts["h2"]
    memory.containers = [
        replace(c, state="exited", exit_code=1) if c.service == "envoy" else c for c in memory.containers
    ]
    run = fleet.run(intent(shop()))
    prepare_down(run, ["shop"])
    report, failed = take_down(run)
    assert (report.exit_code, failed) == (0, {}), report.failures
    assert not any(memory.containers or memory.served or memory.folders for memory in fleet.hosts.values())


def _faults() -> Iterator[tuple[str, str, str]]:
    verbs = ("prepare", "start", "endpoints", "drain", "stop", "record")
    yield from product(verbs, ("before", "after"), ("crash", "lost", "it breaks"))


@pytest.mark.parametrize(("verb", "when", "fault"), list(_faults()))
def test_one_more_converge_sets_all_right(verb: str, when: str, fault: str) -> None:
    """Whatever fails, is lost or dies on the way of an update: the next run ends with true endpoints."""
    if fault == "it breaks" and when == "after":
        return  # a step that took effect cannot have failed
    fleet = up()
    hits = 0

    def strike(host_name: str, asked: str, moment: str) -> str:
        nonlocal hits
        if (asked, moment) == (verb, when):
            hits += 1
            return fault if hits == 2 else ""
        return ""

    wanted = intent(shop(4, image="demo/web:2"))
    fleet.fault = strike
    with suppress(Crash):
        fleet.converge(wanted)
    assert hits >= 2
    fleet.fault = lambda *call: ""
    for memory in fleet.hosts.values():
        memory.reachable = True
        memory.now_s += 3600
    report = fleet.converge(wanted)
    assert report.exit_code == 0, report.failures
    assert_true_endpoints(fleet)
    assert fleet.images() == {"demo/web:2"}
