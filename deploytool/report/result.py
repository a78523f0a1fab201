"""How a run ended, as plain JSON values."""

from __future__ import annotations

from typing import Any

from deploytool.model.event import Report, StepFailed
from deploytool.report.plan import summary


def result_of(report: Report) -> dict[str, Any]:
    """The same words whatever the run did; ``left`` says what still differs, empty when converged."""
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


def _failure(failure: StepFailed) -> dict[str, Any]:
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
