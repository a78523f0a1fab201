"""Gates and times of steps."""

from __future__ import annotations

import pytest

from deploytool.core.change.step_builder import gate_of
from deploytool.model.intent import Mode, Service
from deploytool.model.plan import Gate, GateGoal, StepKind
from deploytool.model.policies import Healthcheck, Update
from tests.unit.core.change.rolling import (
    held,
    only,
    plan,
    steps,
)
from tests.unit.core.strategies import make_project


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


def test_a_service_that_left_the_file_stops_in_its_own_time():
    """Its containers know their grace period; the file does not any more."""
    gone = held("old", stop_grace_s=90.0)
    rolled = plan([Service("web")], {"h1": [held("web"), gone]})
    assert only(steps(rolled, StepKind.STOP)).grace_s == 90
