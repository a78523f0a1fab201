"""A start waits for the stop that frees its port or its reservation."""

from __future__ import annotations

from deploytool.core.change.reconcile import reconcile
from deploytool.core.change.rollout import roll_out
from deploytool.model.constraint import parse_constraint
from deploytool.model.container import HostPort
from deploytool.model.desired import Desired, HostFiles, Manifest, Spec
from deploytool.model.intent import Port, Resources, Service
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.plan import StepKind
from deploytool.model.policies import Dependency
from tests.unit.core.change.rolling import (
    H80,
    H81,
    NEW,
    OLD,
    P80,
    P81,
    held,
    needs,
    only,
    plan,
    short,
    steps,
)
from tests.unit.core.strategies import M, make_container, make_host, make_project


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
