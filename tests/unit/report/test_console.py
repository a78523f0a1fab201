"""Lines of a plain log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.model.event import StepFailed
from deploytool.model.plan import Step, StepKind
from deploytool.report.console import event_lines


@pytest.mark.parametrize("kind", StepKind)
def test_every_kind_of_step_brings_its_words(kind):
    """A kind that is added is named in each report; it cannot be written without its words."""
    step = replace(Step("1", StepKind.START, "h1", "shop", "x", service="web", count=1), kind=kind)
    assert list(event_lines(StepFailed(step, 1.0, "no"))) == [f"h1: shop/web: failed: {kind.doing}: no"]
    assert kind.doing
    assert kind.done
