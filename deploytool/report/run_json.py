"""Plans, events and the end of a run as JSON: one document, or a line for each event."""

from __future__ import annotations

import json
from dataclasses import asdict

from deploytool.model.document import text_of
from deploytool.model.event import Event, Finished, Planned, Report, StepFailed
from deploytool.report.base import PlanView, RunFormat
from deploytool.report.diff import diff_json
from deploytool.report.plan import plan_text, summary
from deploytool.report.run_summary import RunSummary


class JsonFormat(RunFormat):
    """``-o json``: the plan's document; of a run, that and its result."""

    def plan(self, view: PlanView) -> str:
        return text_of(view.document())

    def report(self, view: PlanView, report: Report, summary: RunSummary) -> str:
        return text_of({"plan": view.document(), "result": result_of(report)})


class JsonLinesFormat(RunFormat):
    """``-o jsonl``: a line for each event as it happens, and one for the differences of ``--diff``."""

    takes_events = True

    def event(self, event: Event) -> str:
        return f"{event_json(event)}\n"

    def plan(self, view: PlanView) -> str:
        return f"{diff_json(view.differences)}\n" if view.differences else ""

    def proposal(self, view: PlanView) -> str:
        return self.plan(view)


def event_json(event: Event) -> str:
    """One line of JSON: the event's name and its fields."""
    if isinstance(event, Finished):
        return json.dumps({"event": "Finished", **result_of(event.report)})
    if isinstance(event, Planned):
        return json.dumps({"event": "Planned", "summary": summary(event.plan), "text": plan_text(event.plan)})
    return json.dumps({"event": type(event).__name__, **asdict(event)}, default=str)


def result_of(report: Report) -> dict[str, object]:
    """Plain JSON values, with the same keys whatever the run did; an empty ``left`` is a converged run."""
    return {
        "exit_code": report.exit_code,
        "done": report.done,
        "skipped": report.skipped,
        "failures": [_failure(failure) for failure in report.failures],
        "unreachable": dict(sorted(report.unreachable.items())),
        "endings": {project: ending.value for project, ending in sorted(report.endings.items())},
        "rolled_back": dict(report.rolled_back),
        "interrupted": report.interrupted,
        "left": summary(report.left) if report.left else "",
        "seconds": round(report.seconds, 1),
    }


def _failure(failure: StepFailed) -> dict[str, object]:
    step = failure.step
    return {
        "step": step.id,
        "host": step.host,
        "project": step.project,
        "service": step.service,
        "reason": failure.reason,
        "hint": failure.hint,
        "log": list(failure.log),
    }
