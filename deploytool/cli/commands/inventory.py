"""``deploytool inventory``: shows an inventory as ``ansible-inventory`` does. Touches no host."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.host_limit import read_limit_file
from deploytool.cli.options import flag, vault_password_option
from deploytool.core.placement.patterns import NoMatch, select
from deploytool.errors import UsageError
from deploytool.load.inventory.extra_vars import parse_extra_vars
from deploytool.load.inventory.inventory_loader import Layers, LoadedInventory, Sources, load_inventory
from deploytool.load.inventory.vault import passwords_of
from deploytool.load.text.problems import Problems

MAX_GRAPH_LINES = 1_000_000

# Names that Ansible sets itself; ansible-inventory leaves them out even where a file sets them.
_INTERNAL_NAMES = """
    ansible_async_path ansible_collection_name ansible_config_file ansible_dependent_role_names
    ansible_diff_mode ansible_facts ansible_forks ansible_inventory_sources ansible_limit
    ansible_play_batch ansible_play_hosts ansible_play_hosts_all ansible_play_role_names
    ansible_playbook_python ansible_role_name ansible_role_names ansible_run_tags ansible_skip_tags
    ansible_verbosity ansible_version group_names groups hostvars inventory_dir inventory_file
    inventory_hostname inventory_hostname_short play_hosts playbook_dir role_name role_names role_path
    role_uuid
"""
INTERNAL = frozenset(_INTERNAL_NAMES.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryOptions:
    """Options of ``inventory``, as ``ansible-inventory`` spells them."""

    inventory: Annotated[str, click.Argument(["inventory"], metavar="INVENTORY")]
    group: Annotated[str, click.Argument(["group"], required=False)] = "all"
    list_: Annotated[bool, flag("--list", help="Print all hosts with their variables as JSON.")] = False
    graph: Annotated[
        bool, flag("--graph", help="Print the tree of groups and hosts, of GROUP or of all.")
    ] = False
    host: Annotated[
        str | None,
        click.Option(["--host"], metavar="HOST", help="Print the variables of one host as JSON."),
    ] = None
    limit: Annotated[
        str | None,
        click.Option(
            ["-l", "--limit"],
            metavar="PATTERN",
            help="With --list: only the hosts that the pattern selects.",
        ),
    ] = None
    extra_vars: Annotated[
        tuple[str, ...],
        click.Option(
            ["-e", "--extra-vars"],
            multiple=True,
            metavar="VARS",
            help="k=v, a JSON or YAML mapping, or @FILE.",
        ),
    ] = ()
    vault_password_files: Annotated[tuple[Path, ...], vault_password_option()] = ()
    playbook_dir: Annotated[
        Path,
        click.Option(
            ["--playbook-dir"],
            type=click.Path(path_type=Path, file_okay=False),
            help="Read group_vars/ and host_vars/ there, too; default: the working directory.",
        ),
    ] = Path()


@command(InventoryOptions)
def inventory(options: InventoryOptions) -> int:
    """Show an inventory, as ansible-inventory prints it.

    Example: deploytool inventory inventories/lab.yaml --graph
    """
    if sum((options.list_, options.graph, options.host is not None)) != 1:
        raise UsageError("give one of --list, --graph and --host")
    problems = Problems()
    vault = passwords_of(options.vault_password_files, problems)
    problems.raise_if_any()
    sources = Sources(parse_extra_vars(options.extra_vars, vault), vault, environ)
    loaded = load_inventory(options.inventory, sources)
    layers = Layers(options.playbook_dir)
    if options.graph:
        for line in graph_lines(loaded, options.group):
            click.echo(line)
    elif options.host is not None:
        click.echo(as_json(host_document(loaded, _one_host(loaded, options.host), layers)))
    else:
        click.echo(as_json(list_document(loaded, _limited(loaded, options.limit), layers)))
    return 0


def list_document(loaded: LoadedInventory, hosts: Sequence[str], layers: Layers) -> Mapping[str, object]:
    """The document of ``ansible-inventory --list``: groups with hosts and children, variables in ``_meta``.

    Values are as written, templates not rendered; encrypted values stay encrypted.
    """
    shown = set(hosts)
    document: dict[str, object] = {}
    for name, group in loaded.roster.groups.items():
        members = [host for host in group.hosts if host in shown] if name != "all" else []
        entry = {
            key: names for key, names in (("hosts", members), ("children", list(group.children))) if names
        }
        if entry:
            document[name] = entry
    variables = ((host, _variables(loaded, host, layers)) for host in hosts)
    hostvars = {host: _exported(given, mark_unsafe=True) for host, given in variables if given}
    return {**document, "_meta": {"hostvars": hostvars, "profile": "inventory_legacy"}}


def host_document(loaded: LoadedInventory, host_name: str, layers: Layers) -> Mapping[str, object]:
    """The document of ``ansible-inventory --host``: the merged variables of one host."""
    variables = _variables(loaded, host_name, layers)
    return {name: _exported(value, mark_unsafe=False) for name, value in variables.items()}


def _variables(loaded: LoadedInventory, host_name: str, layers: Layers) -> Mapping[str, object]:
    raw = loaded.variables(host_name, layers)
    return {name: value for name, value in raw.items() if name not in INTERNAL}


def graph_lines(loaded: LoadedInventory, start: str) -> Iterator[str]:
    """The lines of ``ansible-inventory --graph``, from one group downwards.

    Raises:
        UsageError: there is no such group, or a group is reached on so many ways that the tree has no end.
    """
    groups = loaded.roster.groups
    if start not in groups:
        raise UsageError(f"no group '{start}' in {loaded.source}", hint="see them all with --graph")
    if _lines_below(loaded, start) > MAX_GRAPH_LINES:
        raise UsageError(
            f"the graph of '{start}' has more than {MAX_GRAPH_LINES} lines", hint="name a smaller group"
        )
    waiting = [(0, start, True)]
    while waiting:
        depth, name, is_group = waiting.pop()
        yield "  |" * depth + ("--" if depth else "") + (f"@{name}:" if is_group else name)
        if is_group:
            hosts = groups[name].hosts if name != "all" else ()
            below = [(depth + 1, child, True) for child in groups[name].children]
            below += [(depth + 1, host, False) for host in hosts]
            waiting.extend(reversed(below))


def _lines_below(loaded: LoadedInventory, start: str) -> int:
    """The number of lines of a group's graph: a group is repeated under each of its parents."""
    lines: dict[str, int] = {}
    for name in reversed(loaded.roster.parents_first()):
        group = loaded.roster.groups[name]
        lines[name] = 1 + len(group.hosts) + sum(lines[child] for child in group.children)
    return lines[start]


def _limited(loaded: LoadedInventory, limit: str | None) -> Sequence[str]:
    everyone = loaded.names.groups["all"].hosts
    if limit is None:
        return everyone
    wanted = set(_select(loaded, limit, "--limit"))
    return [host for host in everyone if host in wanted]


def _select(loaded: LoadedInventory, pattern: str, option: str) -> tuple[str, ...]:
    try:
        return select(pattern, loaded.names, read_limit_file)
    except NoMatch as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from None


def _one_host(loaded: LoadedInventory, name: str) -> str:
    hosts = (name,) if name in loaded.names.hosts else _select(loaded, name, "--host")
    if len(hosts) != 1:
        raise UsageError(f"--host: '{name}' stands for {len(hosts)} hosts", hint="see them all with --graph")
    return hosts[0]


def _exported(value: object, *, mark_unsafe: bool) -> object:
    """A value as JSON has it; what is encrypted, or must not be rendered, is marked as Ansible marks it."""
    if isinstance(value, str):
        if getattr(value, "vault", False):
            return {"__ansible_vault": str(value)}
        unsafe = mark_unsafe and getattr(value, "unsafe", False)
        return {"__ansible_unsafe": str(value)} if unsafe else value
    if isinstance(value, Mapping):
        return {key: _exported(item, mark_unsafe=mark_unsafe) for key, item in value.items()}
    if isinstance(value, list):
        return [_exported(item, mark_unsafe=mark_unsafe) for item in value]
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value


def as_json(document: object) -> str:
    return json.dumps(document, sort_keys=True, indent=4, ensure_ascii=False)
