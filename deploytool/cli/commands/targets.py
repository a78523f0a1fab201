"""``deploytool targets``: where replicas answer, for other programs. Touches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.output_files import READABLE, replace_file
from deploytool.cli.run_command import running
from deploytool.cli.screen import Screen
from deploytool.cli.session import load_options
from deploytool.errors import HostsUnusable
from deploytool.report.targets import targets_json


@click.command(cls=Command)
@shared.files
@shared.reaching
@click.option(
    "--prometheus",
    is_flag=True,
    required=True,
    help="As Prometheus' file_sd reads it.",
)
@shared.of_services
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Replace this file by rename; default: stdout. Left as it is while a host does not answer.",
)
def targets(prometheus: bool, services: Sequence[str], out: Path | None, **options: Any) -> int:
    """List where running replicas publish ports.

    Example: deploytool targets inventories/lab.yaml --prometheus --out /etc/prometheus/shop.json
    """
    loaded = load_options(options)
    screen = Screen(verbose=options["verbose"])
    with running(loaded, screen, "targets", options) as run:
        seen = run.observe()
        screen.drain()
    text = targets_json(loaded.intent.projects, seen, services)
    lost = bool(seen.unreachable())
    if out is None:
        click.echo(text, nl=False)
    elif not lost:  # else the replicas there would vanish from Prometheus, and their alerts with them
        replace_file(out, text.encode(), "--out", READABLE)
    return HostsUnusable.exit_code if lost else 0
