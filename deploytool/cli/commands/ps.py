"""``deploytool ps``: the replicas on all hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.host_commands import exit_code_of, host_session
from deploytool.cli.options import LookingOptions, flag, format_option, services_option
from deploytool.cli.session import load
from deploytool.core.placement.replica_names import ReplicaRef, replicas, wanted_services
from deploytool.model.observed import Observed
from deploytool.report.ps import Listed
from deploytool.report.registry import PS_FORMATS


@dataclass(frozen=True, slots=True, kw_only=True)
class PsOptions(LookingOptions):
    """Options of ``ps``."""

    services: Annotated[tuple[str, ...], services_option] = ()
    everything: Annotated[
        bool,
        flag("-a", "--all", help="Also what other playbooks run on these hosts."),
    ] = False
    output: Annotated[str, format_option(PS_FORMATS)] = "text"


@command(PsOptions)
def ps(options: PsOptions) -> int:
    """List the replicas on all hosts, whatever their state.

    Example: deploytool ps inventories/lab.yaml -s web
    """
    intent = load(options.files).intent
    wanted = wanted_services(options.services, intent)
    with host_session(intent, wanted, options) as hosts:
        seen = hosts.observe()
    projects = None if options.everything else {one.project for one in wanted}
    chosen = set(wanted) if options.services else None
    rows = [row for row in _listed(seen, projects) if chosen is None or _wanted(row) in chosen]
    unreachable = {name: host.reason for name, host in seen.unreachable().items()}
    click.echo(PS_FORMATS[options.output](rows, unreachable), nl=False)
    return exit_code_of(seen)


def _listed(seen: Observed, projects: set[str] | None) -> list[Listed]:
    clocks = {name: host.facts.now_s for name, host in seen.answered().items()}
    return [Listed(r.name, r.host, r.container, clocks[r.host]) for r in replicas(seen, projects)]


def _wanted(row: Listed) -> ReplicaRef:
    return ReplicaRef(row.container.project, row.container.service)
