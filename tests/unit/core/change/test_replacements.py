"""Replacements go in batches over the whole play."""

from __future__ import annotations

from deploytool.model.intent import Service
from deploytool.model.plan import StepKind
from deploytool.model.policies import Update
from tests.unit.core.change.rolling import (
    OLD,
    START_FIRST,
    held,
    needs,
    plan,
    short,
    steps,
)


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
