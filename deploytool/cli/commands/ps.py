"""``deploytool ps``: the replicas on all hosts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.host_commands import across, exit_code_of
from deploytool.cli.session import load_options
from deploytool.core.placement.replica_names import ReplicaRef, replicas, wanted_services
from deploytool.model.observed import Observed
from deploytool.report.ps import Listed, ps_json, ps_text
from deploytool.report.sanitize import printable


@click.command(cls=Command)
@shared.files
@shared.looking
@shared.of_services
@click.option("-a", "--all", "everything", is_flag=True, help="Also what other playbooks run on these hosts.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="What to print.")
def ps(services: Sequence[str], everything: bool, **options: Any) -> int:
    """List the replicas on all hosts, whatever their state.

    Example: deploytool ps inventories/lab.yaml -s web
    """
    intent = load_options(options).intent
    wanted = wanted_services(services, intent)
    with across(intent, wanted, options) as hosts:
        seen = hosts.observe()
    projects = None if everything else {one.project for one in wanted}
    chosen = set(wanted) if services else None
    rows = [row for row in _listed(seen, projects) if chosen is None or _wanted(row) in chosen]
    if options["output"] == "json":
        unreachable = {name: host.reason for name, host in seen.unreachable().items()}
        click.echo(ps_json(rows, unreachable), nl=False)
    else:
        click.echo(printable(ps_text(rows)), nl=False)
    return exit_code_of(seen)


def _listed(seen: Observed, projects: set[str] | None) -> list[Listed]:
    clocks = {name: host.facts.now_s for name, host in seen.answered().items()}
    return [Listed(r.name, r.host, r.container, clocks[r.host]) for r in replicas(seen, projects)]


def _wanted(row: Listed) -> ReplicaRef:
    return ReplicaRef(row.container.project, row.container.service)
