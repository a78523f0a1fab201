"""``deploytool validate``: checks all files and contacts no host."""

from __future__ import annotations

from typing import Any

import click

from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.session import load_options


@click.command(cls=Command)
@shared.files
def validate(**options: Any) -> int:
    """Check inventory and playbook; contacts no host.

    Example: deploytool validate inventories/lab.yaml
    """
    intent = load_options(options).intent
    for project in intent.projects:
        services = ", ".join(service.name for service in project.services)
        click.echo(f"{project.name}: {len(project.hosts)} hosts, services {services or 'none'}")
    click.echo("All files are good.")
    return 0
