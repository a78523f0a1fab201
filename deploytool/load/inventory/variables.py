"""Variables by precedence: inventory, ``group_vars/`` and ``host_vars/``, the play's layers, ``-e``.

Low to high: inline ``all``; inline groups; inventory ``group_vars/all``; playbook ``group_vars/all``;
inventory ``group_vars``; playbook ``group_vars``; inline host; inventory ``host_vars``; playbook
``host_vars``; play ``vars``; ``vars_files``; extra variables. Groups sort by depth, priority and name; the
last wins. A mapping replaces another, it never merges. Nothing is rendered here: values stay as written.

Source: ``VARIABLE_PRECEDENCE`` and ``VariableManager.get_vars`` of ansible-core 2.19.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploytool.errors import Place
from deploytool.load.inventory.groups import ALL, Roster
from deploytool.load.inventory.vault import Vault, read_plain
from deploytool.load.text.data_file import parse_data, with_marks
from deploytool.load.text.located import Variables
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import Map

EXTENSIONS = ("", ".yml", ".yaml", ".json")
MAX_FOLDER_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Layers:
    """A play's layers over the variables of its hosts.

    ``directory`` is the playbook's folder; ``hosts`` the names of the play's hosts. ``vars`` and
    ``vars_files`` (their contents, in order) keep the places of their values.
    """

    directory: Path | None = None
    vars: Variables = field(default_factory=dict)
    vars_files: Sequence[Variables] = ()
    hosts: Sequence[str] = ()
    check_mode: bool = False


NO_PLAY = Layers()


def read_vars_file(path: Path, name: str, vault: Vault | None, problems: Problems) -> Map:
    """The mapping in a file of variables, vaulted or not; empty with a problem at ``name``."""
    text = read_plain(path, name, vault, problems)
    value = None if text is None else parse_data(text, name, problems)
    if text is not None and text.lstrip().startswith("{"):
        value = with_marks(value)
    if value is not None and not isinstance(value, Map):
        problems.add(Place(name, 1), "is not a mapping of variables", "write one 'name: value' per line")
    return value if isinstance(value, Map) else Map(Place(name))


class VarsFolder:
    """``group_vars/`` and ``host_vars/`` in one folder. Reads each file once, when it is first asked for."""

    def __init__(self, directory: Path | None, vault: Vault | None, problems: Problems) -> None:
        self._vault = vault
        self._problems = problems
        self._groups = self._entries(directory, "group_vars")
        self._hosts = self._entries(directory, "host_vars")
        self._read: dict[Path, Map] = {}

    def read_all(self, roster: Roster) -> None:
        """Read the files of all groups and hosts, so that all problems are found at once."""
        for group in roster.groups:
            self.of_group(group)
        for host in roster.hosts:
            self.of_host(host)

    def of_group(self, name: str) -> Map | None:
        """The variables of a group in this folder; None without a file."""
        return self._of(self._groups, name)

    def of_host(self, name: str) -> Map | None:
        """The variables of a host in this folder; None without a file."""
        return self._of(self._hosts, name)

    def _entries(self, directory: Path | None, kind: str) -> Mapping[str, Path]:
        folder = directory / kind if directory else None
        if folder is None or not folder.exists():
            return {}
        if not folder.is_dir():
            self._problems.add(
                Place(str(folder)), "is not a folder", f"move the variables to {kind}/NAME.yml"
            )
            return {}
        return {path.name: path for path in _listing(folder, self._problems)}

    def _of(self, entries: Mapping[str, Path], name: str) -> Map | None:
        path = next((entries[name + end] for end in EXTENSIONS if name + end in entries), None)
        if path is None:
            return None
        if path not in self._read:
            self._read[path] = self._merged(path)
        return self._read[path]

    def _merged(self, path: Path) -> Map:
        files = self._files_in(path, MAX_FOLDER_DEPTH) if path.is_dir() else [path]
        result = Map(Place(str(path)))
        for file in files:
            result.overlay(read_vars_file(file, str(file), self._vault, self._problems))
        return result

    def _files_in(self, folder: Path, depth: int) -> Iterator[Path]:
        """The files of a folder by name, folders among them in their place; no hidden files, no backups."""
        if not depth:
            self._problems.add(Place(str(folder)), f"nested deeper than {MAX_FOLDER_DEPTH} folders")
            return
        for path in _listing(folder, self._problems):
            if path.name.startswith(".") or path.name.endswith("~"):
                continue
            if path.is_dir() and not path.suffix:
                yield from self._files_in(path, depth - 1)
            elif path.is_file() and path.suffix in EXTENSIONS:
                yield path


def _listing(folder: Path, problems: Problems) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        problems.add(Place(str(folder)), f"cannot be read: {error.strerror}")
        return []


class Precedence:
    """Merges the layers of a host. ``beside`` are the folders beside the inventory, ``extra`` is ``-e``.

    A host that no file names is this machine, reached without ssh.
    """

    def __init__(self, roster: Roster, beside: VarsFolder, extra: Variables) -> None:
        self._roster = roster
        self._beside = beside
        self._extra = extra
        self._sorted: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._bases: dict[tuple[tuple[str, ...], VarsFolder], Map] = {}

    def groups_of(self, host_name: str) -> tuple[str, ...]:
        """The groups of a host without ``all``, in the order in which they win."""
        host = self._roster.hosts.get(host_name)
        direct = tuple(host.groups) if host else ()
        if direct not in self._sorted:
            ranks = (self._roster.groups[name] for name in self._roster.lineage(direct) if name != ALL)
            by_rank = sorted(ranks, key=lambda group: (group.depth, group.priority, group.name))
            self._sorted[direct] = tuple(group.name for group in by_rank)
        return self._sorted[direct]

    def merged(self, host_name: str, layers: Layers, play: VarsFolder) -> Map:
        """The raw variables of a host. ``play`` are the folders beside the playbook."""
        result = Map(Place(host_name))
        result.overlay(self._base(self.groups_of(host_name), play))
        host = self._roster.hosts.get(host_name)
        inline = host.vars if host else {"ansible_connection": "local"}
        for layer in (inline, self._beside.of_host(host_name), play.of_host(host_name)):
            result.overlay(layer or {})
        for mapping in (layers.vars, *layers.vars_files, self._extra):
            result.overlay(mapping)
        return result

    def _base(self, groups: tuple[str, ...], play: VarsFolder) -> Map:
        """The variables that all hosts of the same groups share."""
        key = (groups, play)
        if key not in self._bases:
            inline = [self._roster.groups[name].vars for name in (ALL, *groups)]
            files = [
                folder.of_group(name)
                for names in ((ALL,), groups)
                for folder in (self._beside, play)
                for name in names
            ]
            base = Map(Place(""))
            for layer in (*inline, *files):
                base.overlay(layer or {})
            self._bases[key] = base
        return self._bases[key]
