"""Events → lines of a watcher's log, with the time, as text or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone

from deploytool.model.event import (
    Event,
    HostLooked,
    Level,
    Note,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
)
from deploytool.report.console import event_lines


def text_lines(event: Event, when_s: float, verbose: int = 0) -> Iterator[str]:
    """The lines of an event behind its time, none where it is of no interest."""
    return (f"{_moment(when_s)} {line}" for line in event_lines(event, verbose))


def json_lines(event: Event, when_s: float, verbose: int = 0) -> Iterator[str]:
    """One line of JSON with the fields of an event, none where it is of no interest."""
    lines = list(event_lines(event, verbose))
    if not lines:
        return
    message = event.message if isinstance(event, Note) else "\n".join(lines)
    record = {"time": _moment(when_s), "level": _level(event), "message": message, **_fields(event)}
    yield json.dumps({key: value for key, value in record.items() if value not in ("", None)})


def _moment(when_s: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    when = datetime.fromtimestamp(when_s, timezone.utc).isoformat(timespec="milliseconds")
    return when.replace("+00:00", "Z")


def _level(event: Event) -> Level:
    if isinstance(event, StepFailed):
        return Level.ERROR
    if isinstance(event, Note):
        return event.level
    return Level.WARNING if isinstance(event, HostLooked) and event.reason else Level.INFO


def _fields(event: Event) -> dict[str, object]:
    found: dict[str, object] = {"event": type(event).__name__}
    if isinstance(event, (StepStarted, StepDone, StepFailed, StepSkipped)):
        step = event.step
        found |= {"host": step.host, "project": step.project, "service": step.service}
        found |= {"step": step.kind.value, "count": step.count, "cause": step.cause}
    if isinstance(event, (StepDone, StepFailed)):
        found["seconds"] = round(event.seconds, 3)
    if isinstance(event, StepFailed):
        found |= {"reason": event.reason, "hint": event.hint, "log": list(event.log) or None}
    if isinstance(event, (Note, HostLooked)):
        found["host"] = event.host
    return found
