"""The order of changes, by example; what must hold of every plan is in test_rollout_properties.py."""

from __future__ import annotations

from deploytool.core.change.reconcile import reconcile
from deploytool.core.change.rollout import roll_out
from deploytool.core.placement.schedule import schedule
from deploytool.model.desired import HostFiles, Manifest, Spec
from deploytool.model.intent import Service
from deploytool.model.inventory import HostState
from deploytool.model.observed import Facts, Observed, ObservedHost
from deploytool.model.plan import StepKind
from deploytool.model.policies import Update
from tests.unit.core.change.rolling import (
    NEW,
    OLD,
    START_FIRST,
    held,
    needs,
    only,
    plan,
    steps,
)
from tests.unit.core.strategies import make_host, make_project


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


def test_a_renamed_container_that_does_its_work_waits_for_its_successor():
    """Its name is its only fault: leaving a drained host, it goes when the new one is ready, not before."""
    hosts = [make_host("h1", state=HostState.DRAIN), make_host("h2")]
    renamed = held("web", name="0123456789ab_shop-web-1")
    rolled = plan([Service("web")], {"h1": [renamed], "h2": []}, hosts)
    (start,) = steps(rolled, StepKind.START)
    (stop,) = steps(rolled, StepKind.STOP)
    assert start.host == "h2"
    assert start.id in needs(rolled, stop)
