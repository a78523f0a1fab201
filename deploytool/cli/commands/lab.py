"""``deploytool lab``: disposable hosts on this machine, to try the tool on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.options import flag
from deploytool.lab.lab import HostStatus, Lab


def _json(found: tuple[HostStatus, ...]) -> str:
    described = [{**asdict(one.host), "status": one.status, "ssh_answers": one.ssh_answers} for one in found]
    return json.dumps({"hosts": described}, indent=2)


def _table(found: tuple[HostStatus, ...]) -> str:
    if not found:
        return "no hosts; 'deploytool lab up' makes some"
    rows = [("HOST", "STATUS", "ZONE", "SSH", "PORT 80", "PORT 8080"), *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _row(one: HostStatus) -> tuple[str, ...]:
    host = one.host
    state = one.status if one.ssh_answers or one.status != "running" else "no answer"
    addresses = (f"127.0.0.1:{port}" for port in (host.ssh_port, host.http_port, host.alt_http_port))
    return (host.name, state, host.zone, *addresses)


_FORMATS = {"text": _table, "json": _json}


def _progress(line: str) -> None:
    click.echo(line, err=True)


@click.group()
def lab() -> None:
    """Disposable hosts to try it on.

    Each is a container with its own sshd, Docker engine and Compose.

    \b
        deploytool lab up -n 3
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """Options of ``lab up``."""

    count: Annotated[
        int,
        click.Option(["-n", "--hosts"], type=int, show_default=True, help="How many hosts there shall be."),
    ] = 3
    start_engine: Annotated[
        bool,
        flag(
            "--start-engine",
            help="Where no Docker engine answers, install and start one (as root on Debian or Ubuntu).",
        ),
    ] = False
    envoy: Annotated[
        bool, flag("--envoy", help="Give the hosts images of Envoy, for ports in mode ingress.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DownOptions:
    """Options of ``lab down``."""

    images: Annotated[
        bool, flag("--images", help="Remove the images too; the next 'lab up' builds them again.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOptions:
    """Options of ``lab status``."""

    output: Annotated[
        str, click.Option(["-o", "--output"], type=click.Choice(list(_FORMATS)), show_default=True)
    ] = "text"


@command(UpOptions, group=lab)
def up(options: UpOptions) -> int:
    """Make hosts lab1, lab2, … or repair them; surplus ones go.

    \b
        deploytool lab up -n 5
    """
    made = Lab(say=_progress)
    made.up(options.count, start_engine=options.start_engine, envoy=options.envoy)
    click.echo(_table(made.status()))
    return 0


@command(DownOptions, group=lab)
def down(options: DownOptions) -> int:
    """Remove the hosts and all that belongs to them.

    \b
        deploytool lab down
    """
    count = Lab(say=_progress).down(with_images=options.images)
    click.echo(f"removed {count} host{'' if count == 1 else 's'}", err=True)
    return 0


@command(StatusOptions, group=lab)
def status(options: StatusOptions) -> int:
    """Show the hosts, and the ports of this machine that lead to theirs.

    \b
        deploytool lab status -o json
    """
    found = Lab(say=_progress).status()
    click.echo(_FORMATS[options.output](found))
    return 0
