"""``deploytool rebalance``: a converge that may also move a few replicas that could stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.options import ChangingOptions
from deploytool.cli.run_command import carry_out, running
from deploytool.cli.screen import screen_of
from deploytool.cli.session import load


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalanceOptions(ChangingOptions):
    """Options of ``rebalance``."""

    max_moves: Annotated[
        int,
        click.Option(
            ["--max-moves"], type=click.IntRange(1), show_default=True, help="How many replicas may move."
        ),
    ] = 10


@command(RebalanceOptions)
def rebalance(options: RebalanceOptions) -> int:
    """Move a few replicas to even out the hosts; each new one is ready before an old one goes.

    Example: deploytool rebalance inventories/lab.yaml --max-moves 4
    """
    loaded = load(options.files)
    screen = screen_of(options)
    with running(loaded, screen, "rebalance", options, max_moves=options.max_moves) as run:
        return carry_out(run, screen, options)
