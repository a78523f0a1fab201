"""``deploytool down``: takes projects off the hosts. Volumes stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.run_command import carry_out, running
from deploytool.cli.screen import screen_of
from deploytool.cli.session import load_options
from deploytool.errors import HostsUnusable
from deploytool.model.event import Report
from deploytool.run.down import prepare_down, take_down


@click.command(cls=Command)
@shared.files
@shared.reaching
@shared.showing
@shared.carrying_out
@click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="NAME",
    help="Only this one; it may have left the playbook.",
)
def down(projects: Sequence[str], **options: Any) -> int:
    """Stop and remove all replicas and networks of the playbook's projects, and forget their releases.

    Named volumes stay where they are. A host that does not answer keeps what it has, and the others remember
    that: run it again when the host is back.

    Example: deploytool down inventories/lab.yaml --project shop
    """
    loaded = load_options(options)
    screen = screen_of(options)
    with running(loaded, screen, "down", options) as run:
        prepare_down(run, projects or [project.name for project in run.intent.projects])
        failed: dict[str, str] = {}

        def take() -> Report:
            report, not_forgotten = take_down(run)
            failed.update(not_forgotten)
            return report

        code = carry_out(run, screen, options, take)
    for host, why in sorted(failed.items()):
        click.echo(f"{host}: not forgotten: {why}", err=True)
    return code or (HostsUnusable.exit_code if failed else 0)
