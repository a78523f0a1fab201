"""Events and reports → lines for people, and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from deploytool.model.event import (
    Event,
    HostLooked,
    Note,
    Planned,
    Report,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
)
from deploytool.model.plan import Step, StepKind
from deploytool.report.plan import plan_text, summary

_DOING = {
    StepKind.PREPARE: ("preparing files and images", "files and images are ready"),
    StepKind.START: ("starting", "ready"),
    StepKind.RESTART: ("restarting", "ready again"),
    StepKind.STOP: ("stopping", "stopped"),
    StepKind.RECORD: ("recording", "recorded"),
}


def event_lines(event: Event, verbose: int = 0) -> Iterator[str]:
    """What a plain log says about an event; nothing where it is of no interest."""
    if isinstance(event, HostLooked):
        if event.reason and not event.setup:
            yield f"{event.host}: unreachable: {event.reason}"
            if event.hint:
                yield f"  hint: {event.hint}"
        elif verbose and not event.reason:
            yield f"{event.host}: looked ({event.seconds:.1f} s)"
    elif isinstance(event, StepStarted):
        if verbose:
            yield f"{event.step.host}: {_what(event.step, 0)}"
    elif isinstance(event, StepDone):
        if event.step.service or verbose:
            yield f"{event.step.host}: {_what(event.step, 1)} ({event.seconds:.1f} s)"
    elif isinstance(event, StepFailed):
        yield from _failure(event)
    elif isinstance(event, StepSkipped):
        if verbose or event.step.service:
            yield f"{event.step.host}: not done: {_what(event.step, 0)}, since {event.because}"
    elif isinstance(event, Note):
        yield f"{event.level}: {event.message}" if event.level != "info" else event.message


def event_json(event: Event) -> str:
    """One line of JSON: the event's name and its fields."""
    if isinstance(event, Planned):
        return json.dumps({"event": "Planned", "summary": summary(event.plan), "text": plan_text(event.plan)})
    return json.dumps({"event": type(event).__name__, **asdict(event)}, default=str)


def recap(report: Report) -> Iterator[str]:
    """How a run ended, in a few lines."""
    for host, reason in sorted(report.unreachable.items()):
        yield f"{host}: unreachable: {reason}"
    if report.failures:
        failed = len(report.failures)
        yield f"{failed} step{'s' * (failed != 1)} failed, {report.skipped} not done."
    for project, number in report.rolled_back.items():
        held = "which still differs" if report.left else "which runs again"
        yield f"{project}: rolled back to release {number}, {held}."
    if report.interrupted:
        yield f"Interrupted: {report.done} steps done, {report.skipped} not done. Run again to go on."
    elif report.left and report.done and not report.failures:
        yield "The result does not hold; what still differs:"
        yield from (f"  {line}" for line in plan_text(report.left).splitlines())
    elif report.plan and not report.left:
        hosts = len({step.host for step in report.plan.steps})
        yield f"Converged: {report.done} steps on {hosts} host{'s' * (hosts != 1)} in {report.seconds:.1f} s."


def _what(step: Step, when: int) -> str:
    word = _DOING[step.kind][when]
    if not step.service:
        return f"{step.project}: {word}"
    if not step.count:
        return f"{step.project}/{step.service}: {('waiting', 'waited')[when]} {step.cause}"
    names = ", ".join(container.name for container in step.containers)
    return f"{step.project}/{step.service}: {word} {names or step.count}"


def _failure(event: StepFailed) -> Iterator[str]:
    step = event.step
    where = f"{step.project}/{step.service}" if step.service else step.project
    verb = "lost while" if event.lost else "failed:"
    yield f"{step.host}: {where}: {verb} {_DOING[step.kind][0]}: {event.reason}"
    yield from (f"    | {line}" for line in event.log)
    if event.hint:
        yield f"  hint: {event.hint}"
