"""Plans and runs as JSON: one document, or a line for each event."""

from __future__ import annotations

import json

from deploytool.model.event import Finished, Planned
from deploytool.report.base import PlanView
from deploytool.report.registry import RUN_FORMATS
from deploytool.report.run_summary import RunSummary
from tests.unit.report.fleets import shop

KEYS = {
    "exit_code",
    "done",
    "skipped",
    "failures",
    "unreachable",
    "endings",
    "rolled_back",
    "interrupted",
    "left",
    "seconds",
}


def test_a_run_is_its_plan_and_its_result(fleet):
    """With the same keys whatever happened."""
    for report in (fleet.converge(shop()), fleet.converge(shop("demo/web:2"))):
        text = RUN_FORMATS["json"]().report(PlanView(report.plan, lambda: {"a": 1}), report, RunSummary())
        document = json.loads(text)
        assert document["plan"] == {"a": 1}
        assert set(document["result"]) == KEYS
        assert document["result"]["left"] == ""


def test_each_event_is_a_line(fleet):
    """With the event's name; the plan is its sum and its text."""
    fleet.events.clear()
    fleet.converge(shop("demo/web:2"))
    form = RUN_FORMATS["jsonl"]()
    lines = [form.event(event) for event in fleet.events]
    assert all(line.count("\n") == 1 and line.endswith("\n") for line in lines)
    found = {json.loads(line)["event"]: json.loads(line) for line in lines}
    assert found[Planned.__name__]["summary"].startswith("Plan: ")
    assert found[Finished.__name__]["exit_code"] == 0
