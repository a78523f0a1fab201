"""``deploytool converge`` and ``plan``: the same run; plan stops before the first change."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.contract import agreed_options, agreement, document, save
from deploytool.cli.diff import find_differences
from deploytool.cli.output import show_plan, show_report, show_text, unreachable
from deploytool.cli.screen import Screen, screen_of
from deploytool.cli.session import ask, load_options, running
from deploytool.errors import CHANGES_PENDING, INTERRUPTED, HostsUnusable, UsageError
from deploytool.model.difference import Difference
from deploytool.model.event import Report
from deploytool.model.observed import Observed, Unreachable
from deploytool.model.plan import Plan, StepKind
from deploytool.report.explain import explain_text
from deploytool.report.printable import printable
from deploytool.run.converge import Run
from deploytool.run.prune import prune_images


@click.command(cls=Command)
@shared.files
@shared.reaching
@shared.policies
@shared.showing
@click.option("--explain", metavar="SERVICE", help="Say for each host why it was chosen or refused.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Save the plan, for 'converge --plan FILE'.",
)
def plan(explain: str | None, out: Path | None, **options: Any) -> int:
    """Show what converge would change; touches nothing.

    Example: deploytool plan inventories/lab.yaml --out plan.json
    """
    loaded = load_options(options)
    screen = screen_of(options)
    with running(loaded, screen, "plan", options) as run:
        return _explain(run, screen, explain) if explain else only_plan(run, screen, options, out)


@click.command(cls=Command)
@shared.files_or_plan
@shared.reaching
@shared.policies
@shared.showing
@shared.carrying_out
def converge(**options: Any) -> int:
    """Make the hosts run what the playbook says, and look again whether they do.

    Example: deploytool converge inventories/lab.yaml
    """
    options, saved = agreed_options(options)
    loaded = load_options(options)
    screen = screen_of(options)
    with running(loaded, screen, "converge", options) as run:
        if saved:
            run.agreed = agreement(saved, options)
        return carry_out(run, screen, options)


def carry_out(
    run: Run, screen: Screen, options: Mapping[str, Any], act: Callable[[], Report] | None = None
) -> int:
    """Show the plan, ask where that is called for, converge, and say how it ended; returns the exit code.

    ``act`` is what to do instead of ``run.converge``. With ``--check`` only the first. The options are those
    of ``showing`` and ``carrying_out``.
    """
    if options["check"]:
        return only_plan(run, screen, options)
    declined = []
    changed: list[Difference] = []

    def confirm(found: Plan, seen: Observed) -> bool:
        changed.extend(find_differences(run, found, seen, options))
        screen.drain()
        show_text(found, changed, options["output"])
        if not options["yes"] and _calls_for_asking(found) and not ask("Make these changes?"):
            declined.append(found)
        screen.resume()
        return not declined

    run.confirm = confirm
    report = (act or run.converge)()
    if options["prune_images"] and not declined and not report.interrupted:
        prune_images(run)
    screen.drain()
    if declined:
        click.echo("Nothing was changed.", err=True)
        return INTERRUPTED
    show_report(report, run.seen, screen.tally, changed, options)
    return report.exit_code


def only_plan(run: Run, screen: Screen, options: Mapping[str, Any], out: Path | None = None) -> int:
    """Look, and show what would change, saved to ``out`` if given; returns the exit code."""
    found, seen = run.plan()
    changed = find_differences(run, found, seen, options)
    screen.drain()
    if out:
        save(document(found, seen, options), out)
    show_plan(found, seen, changed, options)
    if unreachable(seen):
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
        click.echo(printable(explain_text(project.name, service, rows)), nl=False)
    return HostsUnusable.exit_code if any(isinstance(host, Unreachable) for host in seen.values()) else 0
