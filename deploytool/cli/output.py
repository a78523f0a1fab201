"""``-o``: a plan and how it ended, on stdout, as people or programs want it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from os import environ
from secrets import token_bytes

import click

from deploytool.cli.ci_outputs import summarize
from deploytool.cli.options import OutputOptions, SiteOptions
from deploytool.cli.saved_plan_options import document
from deploytool.model.difference import Difference
from deploytool.model.document import text_of
from deploytool.model.event import Report
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan
from deploytool.report.diff import diff_json, diff_text
from deploytool.report.markdown import plan_markdown, report_markdown
from deploytool.report.plan import plan_text
from deploytool.report.recap import recap, verdict
from deploytool.report.result import result_of
from deploytool.report.run_summary import RunSummary
from deploytool.report.sanitize import printable
from deploytool.run.converge import Run
from deploytool.run.differences import differences

_SIGNS = {"±": "yellow", "+": "green", "-": "red"}
_DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_SIGN = re.compile(r"(?<=   )[±+-] [a-z]+ \d+")


def show_plan(plan: Plan, seen: Observed, changed: Sequence[Difference], options: SiteOptions) -> None:
    """A plan that nothing was done of, with the differences of ``--diff``."""
    output = options.shown.output
    if output == "json":
        click.echo(text_of(document(plan, seen, options)), nl=False)
    elif output == "markdown":
        click.echo(plan_markdown(plan, unreachable(seen), diff_text(changed)), nl=False)
    else:
        show_text(plan, changed, output)
    summarize(plan_markdown(plan, unreachable(seen), diff_text(changed)), options.shown)


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
    options: SiteOptions,
) -> None:
    """How a run ended; as JSON and Markdown with its plan."""
    output = options.shown.output
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
    summarize(_markdown(report, changed), options.shown)


def unreachable(seen: Observed) -> dict[str, str]:
    """Host → why it did not answer."""
    return {name: host.reason for name, host in seen.unreachable().items()}


def _markdown(report: Report, changed: Sequence[Difference]) -> str:
    said = " ".join(verdict(report)) or "Nothing to do."
    return report_markdown(report, said, diff_text(changed))


def _coloured(text: str) -> str:
    return _SIGN.sub(lambda found: click.style(found[0], fg=_SIGNS[found[0][0]]), text)


def find_differences(run: Run, plan: Plan, seen: Observed, shown: OutputOptions) -> list[Difference]:
    """Nothing without ``--diff``, and then no host is asked."""
    if not shown.diff:
        return []
    return differences(plan, seen, run.backend, run.options.forks, token_bytes(16))


def show_differences(found: list[Difference], output: str) -> None:
    """As text, in colour on a terminal unless NO_COLOR is set; or as a line of JSON."""
    if not found:
        return
    if output == "jsonl":
        click.echo(diff_json(found))
        return
    colours = stdout_has_colours()
    for line in printable(diff_text(found)).splitlines():
        click.echo(click.style(line, fg=_DIFF_COLOURS.get(line[:1])) if colours else line)


def stdout_has_colours() -> bool:
    """A terminal that knows more than text, and nobody who asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
