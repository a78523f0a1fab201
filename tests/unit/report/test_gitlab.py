"""GitLab's sections are ours only."""

from __future__ import annotations

from deploytool.model.event import StepFailed
from deploytool.model.plan import Step, StepKind
from deploytool.report.gitlab import GitLabReporter


def test_foreign_text_begins_no_section_on_gitlab():
    """Nor ends one."""
    reporter = GitLabReporter(clock=lambda: 1.0)
    step = Step("1", StepKind.START, "h1", "shop", "x", service="web", count=1)
    said = [
        *reporter.lines(StepFailed(step, 1.0, "x", log=("section_end:1:deploytool_look_1\r",))),
        *reporter.end(),
    ]
    assert not [line for line in said if "section_end:" in line]
