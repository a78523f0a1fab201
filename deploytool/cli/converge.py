"""``deploytool converge`` and ``plan``: the same run; plan stops before the first change."""

from __future__ import annotations

import sys
from typing import Any

import click

from deploytool.cli import options as shared
from deploytool.cli.screen import Screen
from deploytool.cli.session import Loaded, ask, load_options, running
from deploytool.errors import CHANGES_PENDING, HostsUnusable
from deploytool.model.observed import Unreachable
from deploytool.model.plan import Plan, StepKind
from deploytool.report.console import recap
from deploytool.report.plan import plan_text

_OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    show_default=True,
    help="What to print.",
)
_DETAILED = click.option("--detailed-exitcode", is_flag=True, help="Exit with 10 where changes are pending.")


@click.command()
@shared.files
@shared.reaching
@shared.policies
@_OUTPUT
@_DETAILED
def plan(**options: Any) -> int:
    """Show what converge would change; touches nothing.

    Example: deploytool plan inventories/lab.yaml
    """
    return _plan(load_options(options), options)


@click.command()
@shared.files
@shared.reaching
@shared.policies
@_OUTPUT
@_DETAILED
@click.option("-C", "--check", "--dry-run", is_flag=True, help="Only show what would change, as plan does.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before replicas are stopped or replaced.")
@click.option(
    "--lock-wait",
    type=shared.duration,
    default="0",
    help="How long to wait for another run; default: not at all.",
)
def converge(check: bool, yes: bool, **options: Any) -> int:
    """Make the hosts run what the playbook says, and look again whether they do.

    Example: deploytool converge inventories/lab.yaml
    """
    loaded = load_options(options)
    if check:
        return _plan(loaded, options)
    screen = Screen(options["output"], options["verbose"])

    def confirm(found: Plan) -> bool:
        """Show the plan; on a terminal, ask before anything that runs is stopped or replaced."""
        screen.pause()
        _show(found, options["output"])
        stops = any(step.kind is StepKind.STOP for step in found.steps)
        return yes or not (stops and sys.stdin.isatty() and sys.stdout.isatty()) or ask("Make these changes?")

    with running(loaded, screen, "converge", options) as run:
        run.confirm = confirm
        report = run.converge()
        screen.drain()
    if options["output"] == "text":
        if not report.plan:
            _show(report.plan, "text")
        for line in recap(report):
            click.echo(line)
    return report.exit_code


def _plan(loaded: Loaded, options: dict[str, Any]) -> int:
    screen = Screen(options["output"], options["verbose"])
    with running(loaded, screen, "plan", options) as run:
        found, seen = run.plan()
        screen.drain()
    _show(found, options["output"])
    if any(isinstance(host, Unreachable) for host in seen.values()):
        return HostsUnusable.exit_code
    return CHANGES_PENDING if found and options["detailed_exitcode"] else 0


def _show(found: Plan, output: str) -> None:
    if output == "text":
        click.echo(plan_text(found), nl=False)
