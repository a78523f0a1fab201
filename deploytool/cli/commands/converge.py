"""``deploytool converge`` and ``plan``: the same run; plan stops before the first change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.saved_plan_options import agreed_options, agreement
from deploytool.cli.screen import screen_of
from deploytool.cli.session import connecting, load_options


@click.command(cls=Command)
@shared.files
@shared.reaching
@shared.policies
@shared.showing
@click.option("--explain", metavar="SERVICE", help="Say for each host why it was chosen or refused.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Save the plan, for 'converge --plan FILE'.",
)
def plan(explain: str | None, out: Path | None, **options: Any) -> int:
    """Show what converge would change; touches nothing.

    Example: deploytool plan inventories/lab.yaml --out plan.json
    """
    loaded = load_options(options)
    screen = screen_of(options)
    engines = connecting(loaded, screen, options)
    from deploytool.cli import run_command  # imported after the connections have begun: hides the import

    with run_command.running(loaded, screen, "plan", options, engines) as run:
        if explain:
            return run_command.explain(run, screen, explain)
        return run_command.only_plan(run, screen, options, out)


@click.command(cls=Command)
@shared.files_or_plan
@shared.reaching
@shared.policies
@shared.showing
@shared.carrying_out
def converge(**options: Any) -> int:
    """Make the hosts run what the playbook says, and look again whether they do.

    Example: deploytool converge inventories/lab.yaml
    """
    options, saved = agreed_options(options)
    loaded = load_options(options)
    screen = screen_of(options)
    engines = connecting(loaded, screen, options)
    from deploytool.cli import run_command  # imported after the connections have begun: hides the import

    with run_command.running(loaded, screen, "converge", options, engines) as run:
        if saved:
            run.agreed = agreement(saved, options)
        return run_command.carry_out(run, screen, options)
