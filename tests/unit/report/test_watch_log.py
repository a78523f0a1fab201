"""A watcher's log: text with times, or JSON."""

from __future__ import annotations

import json

from deploytool.model.event import HostLooked, Note, StepDone, StepFailed, StepStarted
from deploytool.model.plan import Step, StepKind
from deploytool.report.registry import WATCH_LOG_FORMATS

STEP = Step("s1", StepKind.RESTART, "h1", "shop", "shop-web-1 exited (1)", "web", 1)


def logged(event: object, how: str = "json") -> str:
    return "\n".join(WATCH_LOG_FORMATS[how](event, 0.25, 0))


def test_a_line_of_the_log_is_one_object_with_all_that_is_known():
    """Empty fields are left out; secrets cannot be in it, since events carry none."""
    failed = json.loads(logged(StepFailed(STEP, 1.23456, "is unhealthy", "docker logs", ("boom",))))
    assert failed["time"] == "1970-01-01T00:00:00.250Z"
    assert (failed["level"], failed["event"], failed["step"]) == ("error", "StepFailed", "restart")
    assert (failed["host"], failed["project"], failed["service"]) == ("h1", "shop", "web")
    assert (failed["reason"], failed["log"], failed["seconds"]) == ("is unhealthy", ["boom"], 1.235)
    note = json.loads(logged(Note("h2 answers again", "warning", "h2")))
    assert (note["level"], note["message"], note["host"]) == ("warning", "h2 answers again", "h2")
    assert "project" not in note


def test_each_line_of_the_text_log_has_the_time():
    """And what is of no interest has no line."""
    lines = logged(StepFailed(STEP, 1.0, "is unhealthy", "", ("boom",)), "text").splitlines()
    assert len(lines) == 2
    assert all(line.startswith("1970-01-01T00:00:00.250Z ") for line in lines)
    assert logged(StepDone(STEP, 1.0), "text").endswith("h1: shop/web: ready again 1 (1.0 s)")
    assert logged(StepStarted(STEP)) == ""
    assert logged(HostLooked("h1", 0.1)) == ""
