"""``deploytool status``: expected and actual, per service and host. Touches nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.host_limit import limited
from deploytool.cli.options import LookingOptions, duration, flag, format_option, services_option
from deploytool.cli.run_command import running
from deploytool.cli.screen import Screen
from deploytool.cli.session import load
from deploytool.core.change.status import status_of
from deploytool.core.placement.replica_names import wanted_services
from deploytool.errors import (
    CHANGES_PENDING,
    HostsUnusable,
    InputError,
    ManyProblems,
    NoHost,
    Problem,
    Refused,
)
from deploytool.model.status import Status
from deploytool.report.problems import problem_lines
from deploytool.report.registry import STATUS_FORMATS
from deploytool.run.converge import Run

_TOP, _END_OF_LINE, _REST = "\x1b[H", "\x1b[K\n", "\x1b[J"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOptions(LookingOptions):
    """Options of ``status``."""

    services: Annotated[tuple[str, ...], services_option] = ()
    output: Annotated[str, format_option(STATUS_FORMATS)] = "text"
    watch: Annotated[bool, flag("-w", "--watch", help="Look again and again, and show what changed.")] = False
    interval: Annotated[
        float,
        click.Option(
            ["--interval"],
            type=duration,
            default="2s",
            show_default=True,
            help="Between two looks of --watch.",
        ),
    ]
    detailed_exitcode: Annotated[
        bool, flag("--detailed-exitcode", help="Exit with 10 where changes are pending.")
    ] = False


@command(StatusOptions)
def status(options: StatusOptions) -> int:
    """Show expected and actual replicas, per service and host, with release and lease.

    Example: deploytool status inventories/lab.yaml
    """
    loaded = load(options.files)
    wanted = {(one.project, one.service) for one in wanted_services(options.services, loaded.intent)}
    chosen = wanted if options.services else None
    screen = Screen(verbose=options.files.verbose, progress="quiet" if options.watch else "auto")
    with running(loaded, screen, "status", options) as run:
        if options.watch:
            _repeat(run, chosen, options)
        found, error = _look(run, chosen, options)
        screen.drain()
    click.echo(STATUS_FORMATS[options.output]().once(found), nl=False)
    for line in problem_lines(found.problems):
        click.echo(line, err=True)
    if error:
        return error.exit_code
    if found.unreachable:
        return HostsUnusable.exit_code
    return CHANGES_PENDING if found.pending and options.detailed_exitcode else 0


def _look(
    run: Run, services: set[tuple[str, str]] | None, options: StatusOptions
) -> tuple[Status, ManyProblems | None]:
    """Observe once: the status, also without a plan, and the error that left it without one."""
    seen = run.observe()
    hosts = limited(run.intent, options.hosts.limit)
    try:
        plan = run.backend.plan(run.intent, seen, run.policy)
    except (NoHost, Refused, InputError) as error:
        found = status_of(run.intent, seen, None, hosts=hosts, services=services, problems=error.problems)
        return found, error
    return status_of(run.intent, seen, plan, hosts=hosts, services=services), None


def _repeat(run: Run, services: set[tuple[str, str]] | None, options: StatusOptions) -> None:
    """Observe until interrupted: a terminal shows the newest status, a log each change."""
    before: Status | None = None
    form = STATUS_FORMATS[options.output]()
    while True:
        found, _ = _look(run, services, options)
        if form.is_for_people and sys.stdout.isatty():
            _redraw(form.once(found), found.problems)
        elif not form.is_for_people or _without_ages(found) != before:
            click.echo(form.repeated(found), nl=False)
        before = _without_ages(found)
        sys.stdout.flush()
        time.sleep(options.interval)


def _redraw(text: str, problems: Sequence[Problem]) -> None:
    lines = [time.strftime("%H:%M:%S  (^C ends)"), *text.splitlines()]
    lines += problem_lines(problems)
    click.echo(_TOP + "".join(line + _END_OF_LINE for line in lines) + _REST, nl=False)


def _without_ages(found: Status) -> Status:
    leases_left_out = (replace(project, leases=()) for project in found.projects)
    return replace(
        found,
        rows=tuple(replace(row, age_s=None) for row in found.rows),
        projects=tuple(leases_left_out),
    )
