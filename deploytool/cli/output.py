"""``-o``: a plan and how it ended, on stdout, as people or programs want it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from deploytool.cli.ci_outputs import summarize
from deploytool.cli.colour import stdout_has_colours
from deploytool.cli.diff import show_differences
from deploytool.cli.saved_plan import document
from deploytool.model.difference import Difference
from deploytool.model.document import text_of
from deploytool.model.event import Report
from deploytool.model.observed import Observed, Unreachable
from deploytool.model.plan import Plan
from deploytool.report.diff import diff_text
from deploytool.report.markdown import plan_markdown, report_markdown
from deploytool.report.plan import plan_text
from deploytool.report.recap import recap, verdict
from deploytool.report.result import result_of
from deploytool.report.run_summary import RunSummary
from deploytool.report.sanitize import printable

_SIGNS = {"±": "yellow", "+": "green", "-": "red"}
_SIGN = re.compile(r"(?<=   )[±+-] [a-z]+ \d+")


def show_plan(plan: Plan, seen: Observed, changed: Sequence[Difference], options: Mapping[str, Any]) -> None:
    """A plan that nothing was done of, with the differences of ``--diff``."""
    output = options["output"]
    if output == "json":
        click.echo(text_of(document(plan, seen, options)), nl=False)
    elif output == "markdown":
        click.echo(plan_markdown(plan, unreachable(seen), diff_text(changed)), nl=False)
    else:
        show_text(plan, changed, output)
    summarize(plan_markdown(plan, unreachable(seen), diff_text(changed)), options)


def show_text(plan: Plan, changed: Sequence[Difference], output: str) -> None:
    """A plan for people; the events have it for programs that read lines."""
    if output == "text":
        text = printable(plan_text(plan))
        click.echo(_coloured(text) if stdout_has_colours() else text, nl=False)
    if output in ("text", "jsonl"):
        show_differences(list(changed), output)


def show_report(
    report: Report,
    seen: Observed,
    tally: RunSummary,
    changed: Sequence[Difference],
    options: Mapping[str, Any],
) -> None:
    """How a run ended; as JSON and Markdown with its plan."""
    output = options["output"]
    if output == "json":
        whole = {"plan": document(report.plan, seen, options), "result": result_of(report)}
        click.echo(json.dumps(whole, indent=2))
    elif output == "markdown":
        click.echo(_markdown(report, changed), nl=False)
    elif output == "text":
        if not report.plan:
            show_text(report.plan, (), output)
        for line in (*recap(tally), *verdict(report)):
            click.echo(printable(line))
    summarize(_markdown(report, changed), options)


def unreachable(seen: Observed) -> dict[str, str]:
    """Host → why it did not answer."""
    return {name: host.reason for name, host in sorted(seen.items()) if isinstance(host, Unreachable)}


def _markdown(report: Report, changed: Sequence[Difference]) -> str:
    said = " ".join(verdict(report)) or "Nothing to do."
    return report_markdown(report, said, diff_text(changed))


def _coloured(text: str) -> str:
    return _SIGN.sub(lambda found: click.style(found[0], fg=_SIGNS[found[0][0]]), text)
