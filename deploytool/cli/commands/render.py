"""``deploytool render``: each host's files, to a folder or stdout. Looks at the hosts, touches nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.options import SiteOptions
from deploytool.cli.run_command import running
from deploytool.cli.screen import Screen
from deploytool.cli.session import load
from deploytool.errors import UsageError
from deploytool.model.desired import HostFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions(SiteOptions):
    """Options of ``render``."""

    out: Annotated[
        Path | None,
        click.Option(
            ["--out"],
            type=click.Path(path_type=Path, file_okay=False),
            help="Write DIR/HOST/PROJECT/… there.",
        ),
    ] = None


@command(RenderOptions)
def render(options: RenderOptions) -> int:
    """Write each host's files, as converge would, to a folder or stdout.

    What runs where depends on what runs now, so the hosts are looked at first.

    Example: deploytool render inventories/lab.yaml --out rendered
    """
    loaded = load(options.files)
    screen = Screen(verbose=options.files.verbose)
    with running(loaded, screen, "render", options) as run:
        rendered = run.backend.files(run.intent, run.observe(), run.policy)
        screen.drain()
    limit = run.policy.limit
    for (host_name, project), files in sorted(rendered.items()):
        if files.manifest is None or (limit is not None and host_name not in limit):
            continue
        if options.out:
            _write(options.out / host_name / project, files)
        else:
            click.echo(f"# {host_name}: {project}/compose.yaml\n---\n{files.manifest.text}", nl=False)
    return 0


def _write(folder: Path, files: HostFiles) -> None:
    """Files that may hold secrets are for their owner alone."""
    try:
        _write_file(folder / "compose.yaml", (files.manifest.text if files.manifest else "").encode(), 0o600)
        for file in files.files:
            _write_file(folder / file.path, file.content, file.mode)
    except OSError as error:
        raise UsageError(f"--out: {error.filename} cannot be written: {error.strerror}") from None


def _write_file(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=mode)
    path.write_bytes(content)
