"""Events → lines of a log for people, and the reporters of a plain log and a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from deploytool.model.event import (
    Event,
    Finished,
    HostLooked,
    Level,
    Looking,
    Note,
    Planned,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
)
from deploytool.model.plan import Step, StepKind
from deploytool.model.str_enum import assert_never
from deploytool.report.base import Reporter


def event_lines(event: Event, verbose: int = 0) -> Iterator[str]:
    """Lines of a plain log; none where the event is of no interest. ``verbose`` adds looks and beginnings."""
    match event:
        case HostLooked():
            yield from _looked(event, verbose)
        case StepStarted():
            if verbose:
                yield f"{event.step.host}: {_doing(event.step)}"
        case StepDone():
            if event.step.service or verbose:
                yield f"{event.step.host}: {_done(event.step)} ({event.seconds:.1f} s)"
        case StepFailed():
            yield from _failure(event)
        case StepSkipped():
            if verbose or event.step.service:
                yield f"{event.step.host}: not done: {_doing(event.step)}, since {event.because}"
        case Note():
            yield f"{event.level}: {event.message}" if event.level != Level.INFO else event.message
        case Looking() | Planned() | Finished():
            return
        case _:
            assert_never(event)


def _looked(event: HostLooked, verbose: int) -> Iterator[str]:
    if event.reason and not event.setup:
        yield f"{event.host}: unreachable: {event.reason}"
        if event.hint:
            yield f"  hint: {event.hint}"
    elif verbose and not event.reason:
        yield f"{event.host}: looked ({event.seconds:.1f} s)"


class PlainReporter(Reporter):
    """A log without anything that moves: each event as its lines."""

    def lines(self, event: Event) -> Iterator[str]:
        return event_lines(event, self.verbose)


class LiveReporter(PlainReporter):
    """Below a live display that shows the rest: only what did not go well, with ``verbose`` all."""

    is_live = True

    def lines(self, event: Event) -> Iterator[str]:
        if isinstance(event, StepDone) and not self.verbose:
            return iter(())
        return super().lines(event)


class QuietReporter(Reporter):
    """Silence. Errors and the result are no progress, and are shown all the same."""


def _doing(step: Step) -> str:
    return _told(step, step.kind.doing, "waiting")


def _done(step: Step) -> str:
    return _told(step, step.kind.done, "waited")


def _told(step: Step, word: str, waiting: str) -> str:
    """A step by what it changes; ``waiting`` is the word for a start of nothing, which only waits."""
    if not step.service:
        return f"{step.project}: {word}"
    if step.kind is StepKind.ENDPOINTS:
        return f"{step.project}/{step.service}: {word}: {step.cause}"
    if not step.count:
        return f"{step.project}/{step.service}: {waiting} {step.cause}"
    names = ", ".join(container.name for container in step.containers)
    return f"{step.project}/{step.service}: {word} {names or step.count}"


def _failure(event: StepFailed) -> Iterator[str]:
    step = event.step
    where = f"{step.project}/{step.service}" if step.service else step.project
    verb = "lost while" if event.lost else "failed:"
    yield f"{step.host}: {where}: {verb} {step.kind.doing}: {event.reason}"
    yield from (f"    | {line}" for line in event.log)
    if event.hint:
        yield f"  hint: {event.hint}"
