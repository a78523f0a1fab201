"""What every command begins with: files → intent, hosts → engines.

What decides is not imported here: hosts can be connected to while that is done.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from os import environ
from pathlib import Path
from typing import Any

import click

from deploytool.backend.base import KEPT_RELEASES
from deploytool.backend.compose.engine import ComposeEngine
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
from deploytool.model.inventory import Host
from deploytool.model.secret import Secret
from deploytool.run.parallel import Engines
from deploytool.transport.ssh import SshSettings, control_master, open_transport, unsupported_options


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files said, and the folder of the first playbook."""

    intent: Intent
    folder: Path


def load(
    inventory: str,
    playbooks: Sequence[Path],
    extra_vars: Sequence[str],
    tags: Sequence[str],
    skip_tags: Sequence[str],
    vault_password_files: Sequence[Path],
) -> Loaded:
    """Read all files.

    Raises:
        InputError: with every problem of every file.
    """
    begin()
    problems = Problems()
    vault = passwords_of(vault_password_files, problems)
    problems.raise_if_any()
    sources = Sources(parse_extra_vars(extra_vars, vault), vault, noted(environ), unsupported_options)
    loaded = load_inventory(inventory, sources)
    found = list(playbooks) or [find_playbook(inventory, Path.cwd())]
    intent = load_intent(loaded, found, select=select, tags=_words(tags), skip_tags=_words(skip_tags))
    return Loaded(intent, found[0].parent)


def load_options(options: Mapping[str, Any]) -> Loaded:
    """``load`` with what a command with the shared file options was given."""
    if options["inventory"] is None:
        raise click.UsageError("Missing argument 'INVENTORY'.")
    names = ("inventory", "playbooks", "extra_vars", "tags", "skip_tags", "vault_password_files")
    return load(**{name: options[name] for name in names})


def _words(values: Sequence[str]) -> frozenset[str]:
    """``-t a,b -t c`` → a, b, c."""
    return frozenset(word.strip() for value in values for word in value.split(",") if word.strip())


def passphrase_prompt(screen: Screen) -> Callable[[str], Secret | None] | None:
    """What asks for the passphrase of an encrypted key; None without a terminal."""
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


def engines_for(screen: Screen, options: Mapping[str, Any]) -> Engines:
    """Engines over SSH, as the options of ``reaching`` say; nothing is connected yet."""
    keep_s = options["keep_connections"]
    settings = SshSettings(
        connect_timeout_s=options["connect_timeout"],
        accept_new_host_keys=options["accept_new_host_keys"],
        control_persist_s=keep_s,
        control_directory=_control_directory() if keep_s else "",
        passphrase=passphrase_prompt(screen),
    )
    return engines_over(settings, int(options.get("keep_releases") or KEPT_RELEASES))


def _control_directory() -> str:
    try:
        return control_master.socket_directory()
    except ValueError as error:
        raise UsageError(f"--keep-connections: {error}") from None


def connecting(loaded: Loaded, screen: Screen, options: Mapping[str, Any]) -> Engines:
    """Engines that have begun to look at the plays' first hosts, as many as ``--forks`` says.

    Not where somebody may be asked a passphrase, before they could see what for.
    """
    engines = engines_for(screen, options)
    if passphrase_prompt(screen) is not None:
        return engines
    hosts = {host.name: host for project in loaded.intent.projects for host in project.hosts}
    for host in islice(hosts.values(), int(options["forks"])):
        engines.of(host).begin()
    return engines


def engines_over(settings: SshSettings, keep_releases: int = KEPT_RELEASES) -> Engines:
    """The engines of real hosts, each on a connection of its own."""

    def engine(host: Host) -> ComposeEngine:
        return ComposeEngine(host.name, open_transport(host, settings), host.directory, keep_releases)

    return Engines(engine)


def ask(question: str) -> bool:
    """Ask on the terminal; True where the answer is yes."""
    return click.confirm(question, default=False, err=True)
