"""``deploytool status``: expected and actual, per service and host. Touches nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.host_limit import limited
from deploytool.cli.run_command import running
from deploytool.cli.screen import Screen
from deploytool.cli.session import load_options
from deploytool.core.change.status import standing
from deploytool.core.placement.replica_names import wanted_services
from deploytool.errors import CHANGES_PENDING, HostsUnusable, InputError, ManyProblems, NoHost, Refused
from deploytool.model.status import Status
from deploytool.report.problems import problem_lines
from deploytool.report.sanitize import printable
from deploytool.report.status import status_json, status_text
from deploytool.run.converge import Run

_TOP, _END_OF_LINE, _REST = "\x1b[H", "\x1b[K\n", "\x1b[J"


@click.command(cls=Command)
@shared.files
@shared.looking
@shared.of_services
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="What to print.")
@click.option("-w", "--watch", is_flag=True, help="Look again and again, and show what changed.")
@click.option(
    "--interval", type=shared.duration, default="2s", show_default=True, help="Between two looks of --watch."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 10 where changes are pending.")
def status(services: Sequence[str], watch: bool, interval: float, **options: Any) -> int:
    """Show expected and actual replicas, per service and host, with release and lease.

    Example: deploytool status inventories/lab.yaml
    """
    loaded = load_options(options)
    wanted = {(one.project, one.service) for one in wanted_services(services, loaded.intent)}
    chosen = wanted if services else None
    screen = Screen(verbose=options["verbose"], progress="quiet" if watch else "auto")
    with running(loaded, screen, "status", options) as run:
        if watch:
            _repeat(run, chosen, interval, options)
        found, error = _look(run, chosen, options)
        screen.drain()
    click.echo(_shown(found, options["output"]), nl=False)
    for line in problem_lines(found.problems):
        click.echo(line, err=True)
    if error:
        return error.exit_code
    if found.unreachable:
        return HostsUnusable.exit_code
    return CHANGES_PENDING if found.pending and options["detailed_exitcode"] else 0


def _look(
    run: Run, services: set[tuple[str, str]] | None, options: Mapping[str, Any]
) -> tuple[Status, ManyProblems | None]:
    """One look, and why there is no plan; what the hosts say is shown all the same."""
    seen = run.observe()
    hosts = limited(run.intent, options["limit"])
    try:
        plan = run.planner.plan(seen)
    except (NoHost, Refused, InputError) as error:
        found = standing(run.intent, seen, None, hosts=hosts, services=services, problems=error.problems)
        return found, error
    return standing(run.intent, seen, plan, hosts=hosts, services=services), None


def _repeat(
    run: Run, services: set[tuple[str, str]] | None, interval_s: float, options: Mapping[str, Any]
) -> None:
    """Until somebody interrupts it: on a terminal always the newest, elsewhere what changed."""
    before: Status | None = None
    while True:
        found, _ = _look(run, services, options)
        if options["output"] == "json":
            click.echo(status_json(found, indent=None), nl=False)
        elif sys.stdout.isatty():
            _redraw(found)
        elif _without_ages(found) != before:
            click.echo(_shown(found, "text"))
        before = _without_ages(found)
        sys.stdout.flush()
        time.sleep(interval_s)


def _redraw(found: Status) -> None:
    lines = [time.strftime("%H:%M:%S  (^C ends)"), *_shown(found, "text").splitlines()]
    lines += problem_lines(found.problems)
    click.echo(_TOP + "".join(line + _END_OF_LINE for line in lines) + _REST, nl=False)


def _shown(found: Status, output: str) -> str:
    return status_json(found) if output == "json" else printable(status_text(found))


def _without_ages(found: Status) -> Status:
    leases_left_out = (replace(project, leases=()) for project in found.projects)
    return replace(
        found,
        rows=tuple(replace(row, age_s=None) for row in found.rows),
        projects=tuple(leases_left_out),
    )
