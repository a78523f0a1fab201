"""``deploytool rebalance``: a converge that may also move a few replicas that could stay."""

from __future__ import annotations

from typing import Any

import click

from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.run_command import carry_out, running
from deploytool.cli.screen import screen_of
from deploytool.cli.session import load_options

DEFAULT_MOVES = 10


@click.command(cls=Command)
@shared.files
@shared.reaching
@shared.policies
@shared.showing
@shared.carrying_out
@click.option(
    "--max-moves",
    type=click.IntRange(1),
    default=DEFAULT_MOVES,
    show_default=True,
    help="How many replicas may move.",
)
def rebalance(**options: Any) -> int:
    """Move a few replicas to even out the hosts; each new one is ready before an old one goes.

    Example: deploytool rebalance inventories/lab.yaml --max-moves 4
    """
    loaded = load_options(options)
    screen = screen_of(options)
    with running(loaded, screen, "rebalance", options) as run:
        return carry_out(run, screen, options)
