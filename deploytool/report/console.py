"""Events and reports → lines for people, and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from deploytool.model.event import (
    Event,
    Finished,
    HostLooked,
    Note,
    Planned,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
)
from deploytool.model.plan import Step, StepKind
from deploytool.report.plan import plan_text, summary
from deploytool.report.result import result_of

_DOING = {
    StepKind.PREPARE: ("preparing files and images", "files and images are ready"),
    StepKind.START: ("starting", "ready"),
    StepKind.RESTART: ("restarting", "ready again"),
    StepKind.STOP: ("stopping", "stopped"),
    StepKind.ENDPOINTS: ("changing endpoints", "endpoints changed"),
    StepKind.DRAIN: ("draining", "drained"),
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


class Plain:
    """A log without anything that moves: each event as its lines, or only what did not go well."""

    def __init__(self, verbose: int = 0, *, only_trouble: bool = False) -> None:
        self._verbose, self._only_trouble = verbose, only_trouble and not verbose

    def lines(self, event: Event) -> Iterator[str]:
        """What to print for an event."""
        if self._only_trouble and isinstance(event, StepDone):
            return iter(())
        return event_lines(event, self._verbose)

    def end(self) -> Iterator[str]:
        """What to print when no more events come, whatever the reason."""
        return iter(())


def event_json(event: Event) -> str:
    """One line of JSON: the event's name and its fields."""
    if isinstance(event, Finished):
        return json.dumps({"event": "Finished", **result_of(event.report)})
    if isinstance(event, Planned):
        return json.dumps({"event": "Planned", "summary": summary(event.plan), "text": plan_text(event.plan)})
    return json.dumps({"event": type(event).__name__, **asdict(event)}, default=str)


def doing(step: Step) -> str:
    """What a step does while it does it, as the predicate of a sentence."""
    return _words(step.kind)[0]


def _words(kind: StepKind) -> tuple[str, str]:
    return _DOING.get(kind, (f"doing {kind.value}", f"{kind.value} done"))


def _what(step: Step, when: int) -> str:
    word = _words(step.kind)[when]
    if not step.service:
        return f"{step.project}: {word}"
    if step.kind is StepKind.ENDPOINTS:
        return f"{step.project}/{step.service}: {word}: {step.cause}"
    if not step.count:
        return f"{step.project}/{step.service}: {('waiting', 'waited')[when]} {step.cause}"
    names = ", ".join(container.name for container in step.containers)
    return f"{step.project}/{step.service}: {word} {names or step.count}"


def _failure(event: StepFailed) -> Iterator[str]:
    step = event.step
    where = f"{step.project}/{step.service}" if step.service else step.project
    verb = "lost while" if event.lost else "failed:"
    yield f"{step.host}: {where}: {verb} {doing(step)}: {event.reason}"
    yield from (f"    | {line}" for line in event.log)
    if event.hint:
        yield f"  hint: {event.hint}"
