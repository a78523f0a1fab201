"""``deploytool validate``: checks all files and contacts no host."""

from __future__ import annotations

from dataclasses import dataclass

import click

from deploytool.cli.command import command
from deploytool.cli.options import FileOptions
from deploytool.cli.session import load


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateOptions:
    """Options of ``validate``."""

    files: FileOptions


@command(ValidateOptions)
def validate(options: ValidateOptions) -> int:
    """Check inventory and playbook; contacts no host.

    Example: deploytool validate inventories/lab.yaml
    """
    intent = load(options.files).intent
    for project in intent.projects:
        services = ", ".join(service.name for service in project.services)
        click.echo(f"{project.name}: {len(project.hosts)} hosts, services {services or 'none'}")
    click.echo("All files are good.")
    return 0
