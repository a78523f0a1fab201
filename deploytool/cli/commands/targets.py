"""``deploytool targets``: published ports of replicas, for Prometheus. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.options import SiteOptions, output_file, services_option
from deploytool.cli.output_files import READABLE, replace_file
from deploytool.cli.run_command import running
from deploytool.cli.screen import Screen
from deploytool.cli.session import load
from deploytool.errors import HostsUnusable
from deploytool.report.targets import targets_json


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetsOptions(SiteOptions):
    """Options of ``targets``."""

    prometheus: Annotated[
        bool,
        click.Option(["--prometheus"], is_flag=True, required=True, help="As Prometheus' file_sd reads it."),
    ]
    services: Annotated[tuple[str, ...], services_option] = ()
    out: Annotated[
        Path | None,
        output_file(
            "--out",
            help="Replace this file by rename; default: stdout. Left as it is while a host does not answer.",
        ),
    ] = None


@command(TargetsOptions)
def targets(options: TargetsOptions) -> int:
    """List where running replicas publish ports.

    Example: deploytool targets inventories/lab.yaml --prometheus --out /etc/prometheus/shop.json
    """
    loaded = load(options.files)
    screen = Screen(verbose=options.files.verbose)
    with running(loaded, screen, "targets", options) as run:
        seen = run.observe()
        screen.drain()
    text = targets_json(loaded.intent.projects, seen, options.services)
    lost = bool(seen.unreachable())
    if options.out is None:
        click.echo(text, nl=False)
    elif not lost:  # else the replicas there would vanish from Prometheus, and their alerts with them
        replace_file(options.out, text.encode(), "--out", READABLE)
    return HostsUnusable.exit_code if lost else 0
