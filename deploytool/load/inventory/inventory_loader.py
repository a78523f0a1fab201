"""The inventory: from a source to hosts, groups and, for each host, its variables and its ``Host``.

Sources are read by ``inventory_source`` and the readers of its forms, variables are merged by ``variables``,
and ``host_variables`` and ``connection_variables`` make a ``Host`` of them. Nothing here knows
plays; a play adds its ``Layers``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from deploytool.errors import InputError
from deploytool.load.inventory.connection_variables import OptionCheck
from deploytool.load.inventory.groups import Roster
from deploytool.load.inventory.host_variables import host_of
from deploytool.load.inventory.inventory_source import fill, folder_of
from deploytool.load.inventory.typed_vars import TypedVars
from deploytool.load.inventory.variables import NO_PLAY, Layers, Precedence, VarsFolder
from deploytool.load.inventory.vault import Vault
from deploytool.load.templates.lazy_vars import LazyVars
from deploytool.load.templates.template import Templates
from deploytool.load.text.located import Raw, Variables
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import Map
from deploytool.model.address import LOCALHOST, short_name
from deploytool.model.inventory import Connection, Group, Host, Inventory

__all__ = ["Layers", "LoadedInventory", "Sources", "load_inventory"]


def _all_supported(_options: object) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True)
class Sources:
    """Inputs beside the files: those of the command line and of the process.

    ``unsupported`` names the SSH options among those given that have no meaning here.
    """

    extra_vars: Variables = field(default_factory=dict)
    vault: Vault | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    unsupported: OptionCheck = _all_supported


NO_SOURCES = Sources()


def load_inventory(source: str, sources: Sources = NO_SOURCES) -> LoadedInventory:
    """Read an inventory with the ``group_vars/`` and ``host_vars/`` beside it.

    ``source`` is a file, a folder, an executable script, ``-`` for stdin, or hosts with commas.

    Raises:
        InputError: with everything that is wrong in all of its files.
    """
    problems = Problems()
    roster = Roster(problems)
    fill(roster, source, sources.vault)
    roster.finish()
    beside = VarsFolder(folder_of(source), sources.vault, problems)
    beside.read_all(roster)
    problems.raise_if_any()
    return LoadedInventory(source, roster, beside, sources)


class LoadedInventory:
    """Hosts and groups with raw variables. A play renders them with its own layers on top.

    ``names`` has the hosts and groups alone, for patterns: its hosts carry their name and groups, and
    nothing is rendered for them. ``localhost``, ``127.0.0.1`` and ``::1`` are hosts that every method
    takes, though they are in no group unless the inventory says so.
    """

    def __init__(self, source: str, roster: Roster, beside: VarsFolder, sources: Sources) -> None:
        self.source = source
        self.directory = folder_of(source)
        self.roster = roster
        self.sources = sources
        self.precedence = Precedence(roster, beside, sources.extra_vars)
        self._play_folders: dict[Path | None, VarsFolder] = {None: VarsFolder(None, None, Problems())}
        self._templates: dict[Path | None, Templates] = {}
        self._members = {name: list(roster.members(name)) for name in roster.groups}
        bare = {
            name: Host(name, Connection(name), self._groups_of(name), address=name) for name in roster.hosts
        }
        self.names = self._inventory(bare)

    def variables(self, host_name: str, layers: Layers = NO_PLAY) -> Map:
        """A host's raw variables, merged by precedence with those of a play and ``-e``.

        Raises:
            InputError: the files beside the playbook are wrong.
        """
        return self.precedence.merged(host_name, layers, self._play_folder(layers.directory))

    def magic(self, host_name: str, layers: Layers = NO_PLAY) -> dict[str, Raw]:
        """The names that Ansible sets itself. ``hostvars`` leaves the play's variables out."""
        host = self.roster.hosts.get(host_name)
        file = _absolute(host.file) if host else None
        # One list for all hosts of a play: a copy for each would fill the memory with thousands of hosts.
        play_hosts = layers.hosts if isinstance(layers.hosts, list) else list(layers.hosts)
        return {
            "ansible_check_mode": layers.check_mode,
            "ansible_play_batch": play_hosts,
            "ansible_play_hosts": play_hosts,
            "ansible_play_hosts_all": play_hosts,
            "group_names": list(self._groups_of(host_name)),
            "groups": self._members,
            "hostvars": HostVars(self, layers.directory),
            "inventory_dir": str(file.parent) if file else None,
            "inventory_file": str(file) if file else None,
            "inventory_hostname": host_name,
            "inventory_hostname_short": short_name(host_name),
            "play_hosts": play_hosts,
            "playbook_dir": str((layers.directory or Path()).absolute()),
        }

    def scope(
        self, host_name: str, layers: Layers = NO_PLAY, extra_magic: Variables | None = None
    ) -> LazyVars:
        """The variables of a host, each rendered when it is looked up."""
        magic = {**self.magic(host_name, layers), **(extra_magic or {})}
        return LazyVars(self._templates_for(layers.directory), self.variables(host_name, layers), magic)

    def host(self, host_name: str, variables: Variables) -> Host:
        """A host as the variables in its scope describe it.

        Raises:
            InputError: with every variable that is wrong.
        """
        problems = Problems()
        typed_vars = TypedVars(variables, problems)
        host = host_of(host_name, self._groups_of(host_name), variables, typed_vars, self.sources.unsupported)
        problems.raise_if_any()
        return host

    def inventory(self, resolved: Mapping[str, Host] | None = None) -> Inventory:
        """Every host and group. Hosts that are not in ``resolved`` are resolved without a play.

        Raises:
            InputError: with everything that is wrong in any host.
        """
        problems = Problems()
        hosts = dict(resolved or {})
        for name in self.roster.hosts:
            if name not in hosts:
                try:
                    hosts[name] = self.host(name, self.scope(name))
                except InputError as error:
                    problems.extend(error)
        problems.raise_if_any()
        return self._inventory({name: hosts[name] for name in self.roster.hosts})

    def _inventory(self, hosts: Mapping[str, Host]) -> Inventory:
        groups = {
            name: Group(name, tuple(self._members[name]), tuple(group.children))
            for name, group in self.roster.groups.items()
        }
        return Inventory(self.source, hosts, groups)

    def _groups_of(self, host_name: str) -> tuple[str, ...]:
        return tuple(sorted(self.precedence.groups_of(host_name)))

    def _play_folder(self, directory: Path | None) -> VarsFolder:
        if directory not in self._play_folders:
            problems = Problems()
            folder = VarsFolder(directory, self.sources.vault, problems)
            folder.read_all(self.roster)
            problems.raise_if_any()
            self._play_folders[directory] = folder
        return self._play_folders[directory]

    def _templates_for(self, directory: Path | None) -> Templates:
        if directory not in self._templates:
            vault = self.sources.vault
            self._templates[directory] = Templates(
                search=directory or self.directory or Path(),
                environ=self.sources.environ,
                decrypt=vault.decrypt if vault else None,
            )
        return self._templates[directory]


@lru_cache(maxsize=64)
def _absolute(source: str) -> Path | None:
    """The file of a source; None where it is no file."""
    return Path(source).absolute() if Path(source).exists() else None


class HostVars(Mapping[str, LazyVars]):
    """``hostvars``: every host's own scope, made when it is looked up."""

    def __init__(self, inventory: LoadedInventory, directory: Path | None) -> None:
        self._inventory = inventory
        self._layers = Layers(directory)
        self._known: dict[str, LazyVars] = {}

    def __getitem__(self, name: str) -> LazyVars:
        if name not in self._inventory.roster.hosts and name not in LOCALHOST:
            raise KeyError(name)
        if name not in self._known:
            self._known[name] = self._inventory.scope(name, self._layers)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._inventory.roster.hosts)

    def __len__(self) -> int:
        return len(self._inventory.roster.hosts)
