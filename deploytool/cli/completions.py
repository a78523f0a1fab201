"""Completions for a shell: hosts and groups of the inventory, services and projects of the playbooks.

Only files are read, those that stand on the command line already; nothing is run and no host contacted.
A file that cannot be read gives no completions and no error: the line is still being typed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from deploytool.errors import DeploytoolError

Names = Callable[[click.Context], Iterable[tuple[str, str]]]

_SEPARATORS = ":,"


def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem] | None:
    """The completions of a parameter of this name; None where its type has better ones."""
    if parameter.name in ("inventory", "playbooks"):
        return [CompletionItem(incomplete, type="file")]
    names = _NAMES.get(parameter.name or "")
    if names is None:
        return None
    head = incomplete[: _begin_of_last(incomplete)] if parameter.name == "limit" else ""
    begun = incomplete[len(head) :]
    try:
        found = sorted({(name, kind) for name, kind in names(ctx) if name.startswith(begun)})
    except (DeploytoolError, OSError, RecursionError):
        return []
    return [CompletionItem(head + name, help=kind) for name, kind in found]


def _begin_of_last(pattern: str) -> int:
    """The index of the last part of a pattern: behind a separator, and behind its ! or &."""
    begin = max(pattern.rfind(separator) for separator in _SEPARATORS) + 1
    return begin + (pattern[begin : begin + 1] in ("!", "&") and begin < len(pattern))


def _hosts_and_groups(ctx: click.Context) -> Iterator[tuple[str, str]]:
    from deploytool.load.inventory.inventory_loader import load_inventory

    source = ctx.params.get("inventory")
    path = Path(source or "-")
    if not source or source == "-" or (path.is_file() and os.access(path, os.X_OK)):
        return  # a press of Tab neither reads from the terminal nor runs a program
    names = load_inventory(source).names
    yield from ((host, "host") for host in names.hosts)
    yield from ((group, "group") for group in names.groups)


def _services(ctx: click.Context) -> Iterator[tuple[str, str]]:
    for path, play in _plays(ctx):
        services = play.get("services")
        compose = play.get("compose")
        if isinstance(compose, str):
            document = _yaml(path.parent / compose)
            services = document.get("services") if isinstance(document, Mapping) else None
        yield from ((str(name), "service") for name in (services if isinstance(services, Mapping) else ()))


def _projects(ctx: click.Context) -> Iterator[tuple[str, str]]:
    from deploytool.load.playbook.play import slug

    for _, play in _plays(ctx):
        yield str(play.get("project") or slug(str(play.get("name", "")))), "project"


def _plays(ctx: click.Context) -> Iterator[tuple[Path, Mapping[str, object]]]:
    from deploytool.load.playbook.playbook_loader import find_playbook

    given = [Path(path) for path in ctx.params.get("playbooks") or ()]
    for path in given or [find_playbook(ctx.params.get("inventory") or "", Path.cwd())]:
        document = _yaml(path)
        plays = document if isinstance(document, list) else []
        yield from ((path, play) for play in plays if isinstance(play, Mapping))


def _yaml(path: Path) -> object:
    from deploytool.load.text.problems import Problems
    from deploytool.load.text.yaml_file import read_yaml

    return read_yaml(path, str(path), Problems())


# By the name of the parameter, whichever command has it.
_NAMES: Mapping[str, Names] = {
    "limit": _hosts_and_groups,
    "explain": _services,
    "move_volumes": _services,
    "service": _services,
    "services": _services,
    "project": _projects,
    "projects": _projects,
}
