"""``deploytool converge`` and ``plan``: the same run; plan stops before the first change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.options import (
    ChangingOptions,
    FileOptions,
    OutputOptions,
    PolicyOptions,
    SiteOptions,
    output_file,
)
from deploytool.cli.saved_plan_options import agreement, with_saved_options
from deploytool.cli.screen import screen_of
from deploytool.cli.session import connecting, load
from deploytool.load.text.plan_file import read_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions(SiteOptions):
    """Options of ``plan``: what a run may do, and what is shown of it."""

    policy: PolicyOptions
    shown: OutputOptions
    explain: Annotated[
        str | None,
        click.Option(
            ["--explain"], metavar="SERVICE", help="Say for each host why it was chosen or refused."
        ),
    ] = None
    out: Annotated[
        Path | None,
        output_file("--out", help="Save the plan, for 'converge --plan FILE'."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvergeFileOptions(FileOptions):
    """The files of ``converge``: a saved plan names them, too."""

    inventory: Annotated[
        str | None,
        click.Argument(["inventory"], metavar="INVENTORY", required=False),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvergeOptions(ChangingOptions):
    """Options of ``converge``."""

    files: ConvergeFileOptions
    plan_file: Annotated[
        Path | None,
        click.Option(
            ["--plan"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Do exactly what this plan of 'plan --out' says, or refuse. "
            "It knows INVENTORY and PLAYBOOK.",
        ),
    ] = None


@command(PlanOptions)
def plan(options: PlanOptions) -> int:
    """Show what converge would change; touches nothing.

    Example: deploytool plan inventories/lab.yaml --out plan.json
    """
    loaded = load(options.files)
    screen = screen_of(options)
    backend = connecting(loaded, screen, options)
    from deploytool.cli import run_command  # imported after the connections have begun: hides the import

    with run_command.running(loaded, screen, "plan", options, backend) as run:
        if options.explain:
            return run_command.explain(run, screen, options.explain)
        return run_command.only_plan(run, screen, options, options.out)


@command(ConvergeOptions)
def converge(options: ConvergeOptions) -> int:
    """Make the hosts run what the playbook says, and look again whether they do.

    Example: deploytool converge inventories/lab.yaml
    """
    saved = read_plan(options.plan_file) if options.plan_file else None
    if options.plan_file and saved:
        options = with_saved_options(options, options.plan_file, saved)
    loaded = load(options.files)
    screen = screen_of(options)
    backend = connecting(loaded, screen, options)
    from deploytool.cli import run_command  # imported after the connections have begun: hides the import

    with run_command.running(loaded, screen, "converge", options, backend) as run:
        if saved:
            run.agreed = agreement(saved, options)
        return run_command.carry_out(run, screen, options)
