"""``deploytool exec``: a command in one replica, wherever that runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.host_commands import host_session
from deploytool.cli.options import LookingOptions, MixedFileOptions, flag
from deploytool.cli.session import load
from deploytool.cli.terminal import here, lend
from deploytool.core.placement.replica_names import choose, replicas, wanted_replica
from deploytool.errors import HostUnreachable, UsageError
from deploytool.model.observed import Observed


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecFileOptions(MixedFileOptions):
    """The files of ``exec``; the other words are the replica and the command."""

    words: Annotated[
        tuple[str, ...],
        click.Argument(
            ["words"], metavar="[PLAYBOOK]... SERVICE[/N] -- COMMAND...", nargs=-1, required=False
        ),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecOptions(LookingOptions):
    """Options of ``exec``."""

    files: ExecFileOptions
    no_terminal: Annotated[
        bool, flag("-T", "--no-terminal", help="Even on a terminal, only join input and output.")
    ] = False


@command(ExecOptions, "exec")
def exec_(options: ExecOptions) -> int:
    """Run a command in a replica: the first healthy one of SERVICE, or the N-th as ps counts.

    On a terminal the command has one, too; otherwise its input is this command's input. The exit code is
    the command's own.

    Example: deploytool exec inventories/lab.yaml web/2 -- /bin/busybox sh
    """
    files, rest = options.files.split()
    if len(rest) < 2:
        raise UsageError("say which service, and what to run in it", hint="SERVICE[/N] -- COMMAND...")
    intent = load(files).intent
    wanted = wanted_replica(rest[0], intent)
    with host_session(intent, [wanted], options) as hosts:
        seen = hosts.observe()
        hosts.screen.drain()
        _complain_if_none_answered(seen)
        replica = choose(wanted, replicas(seen, [wanted.project]))
        terminal = None if options.no_terminal else here()
        if terminal or options.files.verbose:
            click.echo(f"{replica.name} is {replica.container.name} on {replica.host}", err=True)
        sys.stdout.flush()
        stream = hosts.backend.exec(replica.host, replica.container.id, rest[1:], terminal=terminal)
        try:
            return lend(stream, terminal)
        finally:
            stream.close()


def _complain_if_none_answered(seen: Observed) -> None:
    silent = seen.unreachable()
    if silent and len(silent) == len(seen):
        name, host = next(iter(silent.items()))
        raise HostUnreachable(f"no host answered; {name}: {host.reason}", hint=host.hint)
