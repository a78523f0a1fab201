"""The command line for tests: its commands, and runs of the program in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from deploytool.cli import COMMANDS, app

ROOT = Path(__file__).parents[1]


def commands() -> list[tuple[str, click.Command]]:
    """All commands and subcommands, by what one types."""
    context = click.Context(app)
    found = []
    for name in COMMANDS:
        command = app.get_command(context, name)
        below = command.commands if isinstance(command, click.Group) else {}
        found += [(f"{name} {sub}", inner) for sub, inner in below.items()] or [(name, command)]
    return found


def run(*argv: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploytool", *argv]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=env, timeout=60, check=False)
