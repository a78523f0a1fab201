"""Azure Pipelines' logging commands: groups and issues are ours only."""

from __future__ import annotations

import pytest

from deploytool.errors import Place, Problem
from deploytool.model.event import Finished, Looking, Report, StepFailed
from deploytool.model.plan import Plan, Step, StepKind
from deploytool.report.azure import AzureReporter

STEP = Step("1", StepKind.START, "h1", "shop", "x", service="web", count=1)


@pytest.mark.parametrize("line", ["##vso[task.complete result=Failed;]", "a ##[error]x", "##[endgroup]"])
def test_foreign_text_is_no_command_on_azure(line):
    """The agent takes both forms anywhere in a line."""
    *said, issue = AzureReporter().lines(StepFailed(STEP, 1.0, "x", log=(line,)))
    assert issue.startswith("##vso[task.logissue ")
    assert any(line[-5:] in one for one in said)
    assert not [one for one in said if "##vso[" in one or "##[" in one]


def test_looks_fold_and_the_group_ends_with_the_run():
    """Each group is closed once."""
    reporter = AzureReporter()
    said = [*reporter.lines(Looking(("h1",))), *reporter.lines(Finished(Report(Plan()))), *reporter.end()]
    assert said[0] == "##[group]Looking at 1 hosts"
    assert said.count("##[endgroup]") == 1


def test_a_failure_is_an_issue_on_one_line():
    """Percent signs, line breaks, semicolons and brackets are written as the agent wants them."""
    *_, issue = AzureReporter().lines(StepFailed(STEP, 1.0, "50% of [it];\nlost"))
    assert issue.startswith("##vso[task.logissue type=error;]h1: failed ")
    assert issue.endswith("50%AZP25 of [it%5D%3B%0Alost")


def test_a_problem_names_its_place():
    """So that the agent shows the file and the line."""
    (line,) = AzureReporter.problem_lines(
        [Problem(Place("a;b.yaml", 3, 7), "unknown key", "did you mean x?")]
    )
    where = "sourcepath=a%3Bb.yaml;linenumber=3;columnnumber=7;"
    assert line == f"##vso[task.logissue type=error;{where}]unknown key (did you mean x?)"
