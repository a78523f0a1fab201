"""The beginning of every command: files → intent, options → backend.

Nothing that decides is imported here: connections begin while that is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from os import environ
from pathlib import Path

import click

from deploytool.backend.base import Backend
from deploytool.backend.registry import BackendSettings, open_backend
from deploytool.cli.options import ChangeOptions, FileOptions, HostOptions, SiteOptions
from deploytool.cli.screen import Screen
from deploytool.core.placement.patterns import select
from deploytool.errors import UsageError
from deploytool.load.inventory.extra_vars import parse_extra_vars
from deploytool.load.inventory.inventory_loader import Sources, load_inventory
from deploytool.load.inventory.vault import passwords_of
from deploytool.load.playbook.playbook_loader import find_playbook, load_intent
from deploytool.load.text.input_log import begin, noted
from deploytool.load.text.problems import Problems
from deploytool.model.intent import Intent
from deploytool.model.secret import Secret
from deploytool.transport.ssh import SshSettings, control_master, unsupported_options


@dataclass(frozen=True, slots=True)
class Loaded:
    """The intent of the files, and the folder of the first playbook."""

    intent: Intent
    folder: Path


def load(options: FileOptions) -> Loaded:
    """Read all files.

    Raises:
        InputError: with every problem of every file.
    """
    if options.inventory is None:
        raise click.UsageError("Missing argument 'INVENTORY'.")
    begin()
    problems = Problems()
    vault = passwords_of(options.vault_password_files, problems)
    problems.raise_if_any()
    extra_vars = parse_extra_vars(options.extra_vars, vault)
    loaded = load_inventory(
        options.inventory, Sources(extra_vars, vault, noted(environ), unsupported_options)
    )
    found = list(options.playbooks) or [find_playbook(options.inventory, Path.cwd())]
    tags, skip_tags = _words(options.tags), _words(options.skip_tags)
    return Loaded(load_intent(loaded, found, select=select, tags=tags, skip_tags=skip_tags), found[0].parent)


def _words(values: Sequence[str]) -> frozenset[str]:
    """``-t a,b -t c`` → a, b, c."""
    return frozenset(word.strip() for value in values for word in value.split(",") if word.strip())


def passphrase_prompt(screen: Screen) -> Callable[[str], Secret | None] | None:
    """A prompt for the passphrase of an encrypted key; None without a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask_for(key_file: str) -> Secret | None:
        screen.drain()
        given = click.prompt(
            f"Passphrase of {key_file}", hide_input=True, default="", show_default=False, err=True
        )
        screen.resume()
        return Secret(given) if given else None

    return ask_for


def backend_for(screen: Screen, hosts: HostOptions, change: ChangeOptions) -> Backend:
    """The backend that the options reach; nothing is connected yet."""
    settings = SshSettings(
        connect_timeout_s=hosts.connect_timeout,
        accept_new_host_keys=hosts.accept_new_host_keys,
        control_persist_s=hosts.keep_connections,
        control_directory=_control_directory() if hosts.keep_connections else "",
        passphrase=passphrase_prompt(screen),
    )
    return open_backend("compose", BackendSettings(settings, change.keep_releases))


def _control_directory() -> str:
    try:
        return control_master.socket_directory()
    except ValueError as error:
        raise UsageError(f"--keep-connections: {error}") from None


def connecting(loaded: Loaded, screen: Screen, options: SiteOptions) -> Backend:
    """A backend that has begun to look at the plays' first hosts, as many as ``--forks`` says.

    None are begun where a passphrase may have to be asked for: the prompt would come without a reason.
    """
    backend = backend_for(screen, options.hosts, options.change)
    if passphrase_prompt(screen) is not None:
        return backend
    hosts = {host.name: host for project in loaded.intent.projects for host in project.hosts}
    backend.begin(islice(hosts.values(), options.hosts.forks))
    return backend


def ask(question: str) -> bool:
    """Ask on the terminal; True where the answer is yes."""
    return click.confirm(question, default=False, err=True)
