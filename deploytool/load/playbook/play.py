"""One play → one project: its hosts, its variables at each level, its services.

Variables are known at two levels. For the *play*: what all hosts share (``-e``, play ``vars``,
``vars_files``, group ``all``). For a *host*: everything. A name that only hosts have is an error where
something is decided for the play, and the error says so; it never falls back to a default in silence.
"""

from __future__ import annotations

import os
import re
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from deploytool.errors import InputError, Place
from deploytool.load.compose.compose_file import Document, inline_document, read_document
from deploytool.load.compose.ingress_authority import DEFAULT_FILE, read_authority
from deploytool.load.compose.normalize import Surroundings
from deploytool.load.compose.shipped_files import FileMistake, is_file
from deploytool.load.compose.validators import DROP, Spot, kind_of, map_of, written
from deploytool.load.inventory.inventory_loader import Layers, LoadedInventory
from deploytool.load.inventory.variables import read_vars_file
from deploytool.load.playbook.definitions import PlayDefinitions
from deploytool.load.playbook.play_keys import check_play
from deploytool.load.playbook.play_settings import PlaySettings, read_header
from deploytool.load.playbook.services import add_entries, add_services
from deploytool.load.templates.dotenv import read_dotenv
from deploytool.load.templates.interpolate import Interpolation
from deploytool.load.templates.limits import Mistake
from deploytool.load.templates.partial import Renderer
from deploytool.load.templates.template import LazyVars
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import Map, place_of
from deploytool.model.ingress import EdgeSettings
from deploytool.model.intent import Project
from deploytool.model.inventory import Host, Inventory

Select = Callable[[str, Inventory], tuple[str, ...]]

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")
_HOST_NAMES = ("group_names", "inventory_hostname", "inventory_hostname_short")
_PLACEMENTS = Mistake(
    "'placements' is known only once every service has its hosts, and this is decided before",
    "use it in what a container is made from: environment, command, configs",
)


@dataclass(frozen=True, slots=True)
class PlayFile:
    """A playbook as read: ``name`` is how messages call it."""

    path: Path
    name: str
    check_mode: bool = False


def load_play(
    raw: Map, file: PlayFile, inventory: LoadedInventory, select: Select, problems: Problems
) -> Project | None:
    """The project of a play; None with problems where it cannot be made out."""
    before = len(problems.found)
    check_play(raw, problems)
    try:
        return _Play(raw, file, inventory, select, problems).load(before)
    except InputError as error:
        problems.extend(error)
        return None


@dataclass(slots=True)
class _Play:
    raw: Map
    file: PlayFile
    inventory: LoadedInventory
    select: Select
    problems: Problems
    layers: Layers = field(default_factory=Layers)

    def load(self, before: int) -> Project | None:
        self.layers = Layers(self.file.path.parent, self._vars(), (), (), self.file.check_mode)
        self.layers = replace(self.layers, vars_files=self._vars_files())
        pattern = self._pattern()
        self.layers = replace(self.layers, hosts=self._selected(pattern))
        header = read_header(self.raw, self._play_scope(()), self.problems)
        shared = {"placements": _PLACEMENTS, "hostvars": self.inventory.magic("", self.layers)["hostvars"]}
        scopes = {name: self._host_scope(name, header, shared) for name in self.layers.hosts}
        hosts = self._hosts(scopes)
        document = self._document(header, self._play_scope(()))
        if document is None or not hosts:
            return None
        play = self._play_scope(tuple(scopes.values()))
        renderer = self._renderer(document, play)
        project = self._project(header, document, renderer, play)
        definitions = self._definitions(document, renderer, play, project, header)
        services = definitions.services(hosts, self.problems)
        if len(self.problems.found) > before:
            return None
        return Project(
            name=project,
            play=f"{self.file.path.name}: {header.name or project}",
            title=header.name or project,
            pattern=pattern,
            hosts=hosts,
            services=services,
            definitions=definitions,
            serial=header.serial,
            max_fail_percent=header.max_fail_percent,
            reschedule_after_s=header.reschedule_after_s,
            any_errors_fatal=header.any_errors_fatal,
            edge=self._edge(header),
            place=self.raw.place,
        )

    def _vars(self) -> Mapping[str, Any]:
        given = self.raw.get("vars")
        if given is None:
            return {}
        if not isinstance(given, Map):
            self.problems.add(self.raw.place_of("vars"), f"'vars' has to be a mapping, not {kind_of(given)}")
            return {}
        return given

    def _vars_files(self) -> Sequence[Mapping[str, Any]]:
        given = self.raw.get("vars_files")
        place = self.raw.place_of("vars_files")
        entries = [given] if isinstance(given, str) else given or []
        if not isinstance(entries, list):
            self.problems.add(place, f"'vars_files' has to be a list of files, not {kind_of(given)}")
            return ()
        scope = self._play_scope(())
        found = [
            self._vars_file(entry, scope, place_of(entries, n, place)) for n, entry in enumerate(entries)
        ]
        return tuple(entry for entry in found if entry is not None)

    def _vars_file(self, entry: Any, scope: LazyVars, place: Place) -> Mapping[str, Any] | None:
        """One file, or the first that exists of a list."""
        names = scope.templates.render(entry if isinstance(entry, list) else [entry], scope, place)
        if not names or not all(isinstance(name, str) and name for name in names):
            self.problems.add(place, "'vars_files' has an entry that is no file name")
            return None
        paths = [self._beside(name) for name in names]
        path = next((path for path in paths if is_file(path)), None)
        if path is None:
            self.problems.add(
                place, f"there is no file '{paths[0]}'", "the path starts from the playbook's folder"
            )
            return None
        return read_vars_file(path, str(path), self.inventory.sources.vault, self.problems)

    def _edge(self, header: PlaySettings) -> EdgeSettings:
        """How the proxies run, with the authority of the connections between them."""
        edge = header.edge
        if not edge.mtls:
            return edge
        path = self._beside(edge.mtls)
        try:
            authority = read_authority(path, str(path), make=edge.mtls == DEFAULT_FILE)
        except FileMistake as error:
            self.problems.add(edge.place, str(error), error.hint)
            return edge
        return replace(edge, authority=authority)

    def _beside(self, name: str) -> Path:
        """A path that starts from the playbook, as short as messages want it."""
        return Path(os.path.normpath(self.file.path.parent / name))

    def _pattern(self) -> str:
        place = self.raw.place_of("hosts")
        scope = self._play_scope(())
        rendered = scope.templates.render(self.raw.get("hosts"), scope, place)
        parts = rendered if isinstance(rendered, list) else [rendered]
        if not parts or not all(isinstance(part, str) and part for part in parts):
            if rendered is not None:
                self.problems.add(place, "'hosts' has to be a host pattern, or a list of them")
            return ""
        return ",".join(parts)

    def _selected(self, pattern: str) -> list[str]:
        if not pattern:
            return []
        try:
            return list(self.select(pattern, self.inventory.names))
        except ValueError as error:
            self.problems.add(self.raw.place_of("hosts"), str(error), getattr(error, "hint", ""))
            return []

    def _play_scope(self, scopes: Sequence[LazyVars]) -> LazyVars:
        """What is known for the play. What only the hosts of ``scopes`` know is forbidden by name."""
        shared = self.inventory.variables("", self.layers)
        own = {
            name
            for scope in scopes
            for name, value in scope.variables.items()
            if name not in shared or shared[name] is not value
        }
        magic: dict[str, Any] = {name: _host_only(name) for name in (*sorted(own), *_HOST_NAMES)}
        magic["placements"] = _PLACEMENTS
        for scope in scopes[:1]:
            magic |= {name: scope.magic.get(name) for name in ("inventory_dir", "inventory_file", "hostvars")}
        return self.inventory.scope("", self.layers, magic)

    def _host_scope(self, name: str, header: PlaySettings, magic: Mapping[str, Any]) -> LazyVars:
        scope = self.inventory.scope(name, self.layers, magic)
        for aliases, value in header.connection:
            if isinstance(scope.variables, dict) and not any(alias in scope.variables for alias in aliases):
                scope.variables[aliases[0]] = value
        return scope

    def _hosts(self, scopes: Mapping[str, LazyVars]) -> tuple[Host, ...]:
        hosts = []
        for name, scope in scopes.items():
            try:
                hosts.append(self.inventory.host(name, scope))
            except InputError as error:
                self.problems.extend(error)
        return tuple(hosts)

    def _document(self, header: PlaySettings, scope: LazyVars) -> Document | None:
        if self.raw.get("compose") is None:
            return inline_document(self.raw, self.file.path.parent) if "services" in self.raw else None
        place = self.raw.place_of("compose")
        name = scope.templates.render(self.raw["compose"], scope, place)
        if not isinstance(name, str) or not name:
            self.problems.add(place, f"'compose' has to be the path of a Compose file, not {kind_of(name)}")
            return None
        path = self._beside(name)
        if not is_file(path):
            self.problems.add(
                place, f"there is no Compose file '{path}'", "the path starts from the playbook's folder"
            )
            return None
        return read_document(path, str(path), self.problems)

    def _renderer(self, document: Document, play: LazyVars) -> Renderer:
        own = self._environment(play)
        process = self.inventory.sources.environ
        dotenv = document.folder / ".env"
        beside = read_dotenv(dotenv, str(dotenv), process, self.problems) if dotenv.is_file() else {}
        # Looked up and never copied: only what is asked for counts as an input of a plan.
        environment: Mapping[str, str] = ChainMap(own, beside, cast(dict[str, str], process))
        return Renderer(play.templates, Interpolation(environment))

    def _environment(self, play: LazyVars) -> dict[str, str]:
        """The play's ``environment``: a mapping, or a list of mappings of which the later win."""
        place = self.raw.place_of("environment")
        rendered = play.templates.render(self.raw.get("environment"), play, place)
        result: dict[str, str] = {}
        for layer in rendered if isinstance(rendered, list) else [rendered or {}]:
            read = map_of(written)(layer, Spot(place, "environment", self.problems))
            result |= {} if read is DROP else read
        return result

    def _project(self, header: PlaySettings, document: Document, renderer: Renderer, play: LazyVars) -> str:
        named = renderer.render(document.project, play, document.project_place, self.problems)
        named = named if isinstance(named, str) else ""
        if header.project and named and header.project != named:
            hint = f"write project: {named}, or take the name out of the Compose file"
            message = f"the Compose file is of the project '{named}', the play of '{header.project}'"
            self.problems.add(document.project_place, message, hint)
        name = header.project or named or slug(header.name)
        if not name:
            self.problems.add(self.raw.place, "the play has no name", "write name: or project:")
        elif not _PROJECT.fullmatch(name):
            hint = f"did you mean '{slug(name)}'?" if slug(name) else "begin with a letter"
            place = self.raw.place_of("project") if header.project else document.project_place
            self.problems.add(place, f"'{name}' is no project name: it takes a-z, 0-9, - and _", hint)
        return name

    def _definitions(
        self, document: Document, renderer: Renderer, play: LazyVars, project: str, header: PlaySettings
    ) -> PlayDefinitions:
        hostvars = play.magic.get("hostvars")

        def scope(host_name: str, placements: Mapping[str, tuple[str, ...]]) -> LazyVars:
            listed = {service: list(names) for service, names in placements.items()}
            return self._host_scope(host_name, header, {"placements": listed, "hostvars": hostvars})

        around = Surroundings(document.folder, renderer.interpolation.environment)
        definitions = PlayDefinitions(project, scope, around)
        add_entries(definitions, document, renderer, play, self.problems)
        add_services(definitions, document, renderer, play, self.problems)
        return definitions


def slug(name: str) -> str:
    """A name as a project name: ``My Shop`` → ``my-shop``; empty where nothing is left of it."""
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")


def _host_only(name: str) -> Mistake:
    hint = "use a variable of the play, of vars_files, of the group all, or -e"
    return Mistake(f"'{name}' differs from host to host, and this is decided once for the whole play", hint)
