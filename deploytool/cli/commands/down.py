"""``deploytool down``: takes projects off the hosts. Volumes stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.options import NOT_OFFERED, ChangingOptions, PolicyOptions
from deploytool.cli.run_command import carry_out, running
from deploytool.cli.screen import screen_of
from deploytool.cli.session import load
from deploytool.errors import HostsUnusable
from deploytool.model.event import Report
from deploytool.run.down import prepare_down, take_down


@dataclass(frozen=True, slots=True, kw_only=True)
class DownOptions(ChangingOptions):
    """Options of ``down``."""

    policy: Annotated[PolicyOptions, NOT_OFFERED] = PolicyOptions()
    projects: Annotated[
        tuple[str, ...],
        click.Option(
            ["--project"],
            multiple=True,
            metavar="NAME",
            help="Only this one; it may have left the playbook.",
        ),
    ] = ()


@command(DownOptions)
def down(options: DownOptions) -> int:
    """Stop and remove all replicas and networks of the playbook's projects, and forget their releases.

    Named volumes stay where they are. A host that does not answer keeps what it has, and the others remember
    that: run it again when the host is back.

    Example: deploytool down inventories/lab.yaml --project shop
    """
    loaded = load(options.files)
    screen = screen_of(options)
    with running(loaded, screen, "down", options) as run:
        prepare_down(run, options.projects or [project.name for project in run.intent.projects])
        failed: dict[str, str] = {}

        def take() -> Report:
            report, not_forgotten = take_down(run)
            failed.update(not_forgotten)
            return report

        code = carry_out(run, screen, options, take)
    for host, why in sorted(failed.items()):
        click.echo(f"{host}: not forgotten: {why}", err=True)
    return code or (HostsUnusable.exit_code if failed else 0)
