"""``deploytool converge`` and ``plan``: the same run; plan stops before the first change."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import click

from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.diff import find_differences, show_differences
from deploytool.cli.screen import Screen
from deploytool.cli.session import ask, load_options, running
from deploytool.errors import CHANGES_PENDING, INTERRUPTED, HostsUnusable, UsageError
from deploytool.model.event import Report
from deploytool.model.observed import Observed, Unreachable
from deploytool.model.plan import Plan, StepKind
from deploytool.report.console import recap
from deploytool.report.explain import explain_text
from deploytool.report.plan import plan_text
from deploytool.run.converge import Run


@click.command(cls=Command)
@shared.files
@shared.reaching
@shared.policies
@shared.showing
@click.option("--explain", metavar="SERVICE", help="Say for each host why it was chosen or refused.")
def plan(explain: str | None, **options: Any) -> int:
    """Show what converge would change; touches nothing.

    Example: deploytool plan inventories/lab.yaml
    """
    loaded = load_options(options)
    screen = Screen(options["output"], options["verbose"])
    with running(loaded, screen, "plan", options) as run:
        return _explain(run, screen, explain) if explain else show_plan(run, screen, options)


@click.command(cls=Command)
@shared.files
@shared.reaching
@shared.policies
@shared.showing
@shared.carrying_out
def converge(**options: Any) -> int:
    """Make the hosts run what the playbook says, and look again whether they do.

    Example: deploytool converge inventories/lab.yaml
    """
    loaded = load_options(options)
    screen = Screen(options["output"], options["verbose"])
    with running(loaded, screen, "converge", options) as run:
        return carry_out(run, screen, options)


def carry_out(
    run: Run, screen: Screen, options: Mapping[str, Any], act: Callable[[], Report] | None = None
) -> int:
    """Show the plan, ask where that is called for, converge, and say how it ended; returns the exit code.

    ``act`` is what to do instead of ``run.converge``. With ``--check`` only the first. The options are those
    of ``showing`` and ``carrying_out``.
    """
    if options["check"]:
        return show_plan(run, screen, options)
    declined = []

    def confirm(found: Plan, seen: Observed) -> bool:
        changed = find_differences(run, found, seen, options)
        screen.pause()
        _show(found, options["output"])
        show_differences(changed, options["output"])
        if not options["yes"] and _calls_for_asking(found) and not ask("Make these changes?"):
            declined.append(found)
        return not declined

    run.confirm = confirm
    report = (act or run.converge)()
    screen.drain()
    if declined:
        click.echo("Nothing was changed.", err=True)
        return INTERRUPTED
    if options["output"] == "text":
        if not report.plan:
            _show(report.plan, "text")
        for line in recap(report):
            click.echo(line)
    return report.exit_code


def show_plan(run: Run, screen: Screen, options: Mapping[str, Any]) -> int:
    """Look, and show what would change; returns the exit code."""
    found, seen = run.plan()
    changed = find_differences(run, found, seen, options)
    screen.drain()
    _show(found, options["output"])
    show_differences(changed, options["output"])
    if any(isinstance(host, Unreachable) for host in seen.values()):
        return HostsUnusable.exit_code
    return CHANGES_PENDING if found and options["detailed_exitcode"] else 0


def _calls_for_asking(found: Plan) -> bool:
    """On a terminal, before anything that runs is stopped or replaced."""
    stops = any(step.kind is StepKind.STOP for step in found.steps)
    return stops and sys.stdin.isatty() and sys.stdout.isatty()


def _explain(run: Run, screen: Screen, service: str) -> int:
    """Show the schedule's reasons for one service, in every project that has it.

    Raises:
        UsageError: no project has it.
    """
    known = {service.name for project in run.intent.projects for service in project.services}
    if service not in known:
        near = get_close_matches(service, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known))}"
        raise UsageError(f"--explain: there is no service '{service}'", hint=hint)
    seen = run.observe()
    screen.drain()
    for project, verdicts in run.planner.explain(seen, service):
        rows = [(verdict.host, verdict.kept + verdict.chosen, verdict.text) for verdict in verdicts]
        click.echo(explain_text(project.name, service, rows), nl=False)
    return HostsUnusable.exit_code if any(isinstance(host, Unreachable) for host in seen.values()) else 0


def _show(found: Plan, output: str) -> None:
    if output == "text":
        click.echo(plan_text(found), nl=False)
