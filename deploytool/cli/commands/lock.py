"""``deploytool lock``: the lease by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.options import SiteOptions
from deploytool.cli.run_command import running
from deploytool.cli.screen import Screen
from deploytool.cli.session import load
from deploytool.errors import HostsUnusable, LeaseHeld, Place, Problem
from deploytool.report.sanitize import sanitize
from deploytool.run.converge import Run
from deploytool.run.lease_wait import held_by
from deploytool.run.locks import HostLease, acquire, leases_of, release


@click.group()
def lock() -> None:
    """See, take and give back the lease that keeps two runs apart.

    Example: deploytool lock status inventories/lab.yaml
    """


@command(SiteOptions, group=lock)
def status(options: SiteOptions) -> int:
    """Show who holds the leases, and until when.

    Example: deploytool lock status inventories/lab.yaml
    """
    loaded = load(options.files)
    with running(loaded, Screen(verbose=options.files.verbose), "lock status", options) as run:
        leases = _leases(run)
    for one in leases:
        state = "until it is released" if one.lease.manual else f"for {one.seconds_left:.0f} s more"
        expired = "expired" if one.seconds_left <= 0 else state
        click.echo(sanitize(f"{one.project}: {held_by(one.host, one.lease)}, {expired}"))
    if not leases:
        click.echo("No lease is held.")
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquireOptions(SiteOptions):
    """Options of ``lock acquire``."""

    message: Annotated[
        str,
        click.Option(["-m", "--message"], required=True, help="Why; shown to everybody who is kept waiting."),
    ]


@command(AcquireOptions, "acquire", group=lock)
def acquire_(options: AcquireOptions) -> int:
    """Keep all runs from changing these projects, until you release them.

    Example: deploytool lock acquire inventories/lab.yaml -m "database maintenance"
    """
    loaded = load(options.files)
    with running(loaded, Screen(verbose=options.files.verbose), options.message, options) as run:
        seen = run.observe()
        hosts = {
            name: tuple(p.name for p in run.intent.projects if name in {h.name for h in p.hosts})
            for name in seen.answered()
        }
        refused = acquire(run.backend, hosts, run.lease, options.message, run.options.forks)
    problems = [
        Problem(Place(host), why, "see deploytool lock status") for host, why in refused.items() if why
    ]
    if problems:
        raise LeaseHeld("; ".join(f"{problem.place}: {problem.message}" for problem in problems))
    click.echo(f"The lease is yours on {len(hosts)} hosts. Give it back with deploytool lock release.")
    return 0 if len(hosts) == len(seen) else HostsUnusable.exit_code


@command(SiteOptions, "release", group=lock)
def release_(options: SiteOptions) -> int:
    """Give the leases back, whoever holds them.

    Example: deploytool lock release inventories/lab.yaml
    """
    loaded = load(options.files)
    with running(loaded, Screen(verbose=options.files.verbose), "lock release", options) as run:
        leases = _leases(run)
        failed = release(run.backend, leases, run.lease, run.options.forks)
    return _said(leases, failed)


def _leases(run: Run) -> tuple[HostLease, ...]:
    return leases_of(run.observe(), tuple(project.name for project in run.intent.projects))


def _said(leases: Sequence[HostLease], failed: dict[str, str]) -> int:
    for one in leases:
        click.echo(
            f"{one.host}: {one.project}: {failed[one.host] or f'released, was held by {one.lease.who}'}"
        )
    if not leases:
        click.echo("No lease is held.")
    return HostsUnusable.exit_code if any(failed.values()) else 0
