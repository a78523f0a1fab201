"""``-o``: a plan and the end of a run on stdout, in the format that was asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from os import environ

import click

from deploytool.cli.ci_outputs import run_record
from deploytool.cli.options import OutputOptions, SiteOptions
from deploytool.cli.saved_plan_options import document
from deploytool.model.difference import Difference
from deploytool.model.event import Report
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan
from deploytool.report.base import PlanView, RunFormat
from deploytool.report.registry import RUN_FORMATS


def show_plan(plan: Plan, seen: Observed, changed: Sequence[Difference], options: SiteOptions) -> None:
    """Print a plan that is not carried out, with the differences of ``--diff``."""
    view = run_record().view = _view(plan, seen, changed, options)
    click.echo(_format(options.shown).plan(view), nl=False)


def show_proposal(plan: Plan, seen: Observed, changed: Sequence[Difference], options: SiteOptions) -> None:
    """Print a plan that is carried out once it is agreed to."""
    click.echo(_format(options.shown).proposal(_view(plan, seen, changed, options)), nl=False)


def show_report(report: Report, seen: Observed, changed: Sequence[Difference], options: SiteOptions) -> None:
    """Print the end of a run."""
    record = run_record()
    record.view, record.report = _view(report.plan, seen, changed, options), report
    click.echo(_format(options.shown).report(record.view, report, record.summary), nl=False)


def stdout_has_colours() -> bool:
    """A terminal that knows more than text, and nobody who asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _format(shown: OutputOptions) -> RunFormat:
    return RUN_FORMATS[shown.output](colour=stdout_has_colours())


def _view(plan: Plan, seen: Observed, changed: Sequence[Difference], options: SiteOptions) -> PlanView:
    unreachable = {name: host.reason for name, host in seen.unreachable().items()}
    return PlanView(plan, partial(document, plan, seen, options), unreachable, changed)
