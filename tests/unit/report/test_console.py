"""Lines of a plain log."""

from __future__ import annotations

from dataclasses import replace

from deploytool.model.event import StepFailed
from deploytool.model.plan import Step, StepKind
from deploytool.report.console import event_lines


def test_kinds_of_steps_that_are_new_have_words():
    """A kind that a later version adds is named, not a crash."""

    class Kind:
        value = "reroute"

    step = replace(Step("1", StepKind.START, "h1", "shop", "x", service="web", count=1), kind=Kind())
    assert list(event_lines(StepFailed(step, 1.0, "no"))) == ["h1: shop/web: failed: doing reroute: no"]
