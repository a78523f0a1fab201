"""One play → one project: its settings, its hosts, its Compose document and its services."""

from __future__ import annotations

import os
import re
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from deploytool.errors import InputError, Place
from deploytool.load.compose.compose_file import ComposeDocument, inline_document, read_document
from deploytool.load.compose.env_files import EnvFiles
from deploytool.load.compose.ingress_keys import DEFAULT_AUTHORITY
from deploytool.load.compose.normalize import ComposeContext
from deploytool.load.compose.shipped_files import FileMistake, is_file
from deploytool.load.inventory.inventory_loader import Layers, LoadedInventory
from deploytool.load.inventory.variables import read_vars_file
from deploytool.load.playbook.definitions import PlayDefinitions
from deploytool.load.playbook.play_keys import PlaySettings, Stage, check_play_keys
from deploytool.load.playbook.play_settings import (
    ANY_ERRORS_FATAL,
    COMPOSE,
    ENVIRONMENT,
    HOSTS,
    INGRESS,
    MAX_FAIL_PERCENTAGE,
    NAME,
    ORDER,
    PLAY_KEYS,
    PROJECT,
    RESCHEDULE_AFTER,
    SERIAL,
    VARS,
    VARS_FILES,
)
from deploytool.load.playbook.play_validators import VarsFileEntry
from deploytool.load.playbook.play_variables import LoginVariables, host_scope, host_scopes, play_scope
from deploytool.load.playbook.services import add_entries, add_services
from deploytool.load.templates.interpolate import Interpolation
from deploytool.load.templates.lazy_vars import LazyVars
from deploytool.load.templates.partial import DocumentRenderer
from deploytool.load.text.located import Variables
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import Map
from deploytool.model.ingress import ProxySettings
from deploytool.model.intent import Project, Service
from deploytool.model.inventory import Host, Inventory

Select = Callable[[str, Inventory], tuple[str, ...]]

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class PlayFile:
    """A playbook; ``name`` is its path in messages."""

    path: Path
    name: str
    check_mode: bool = False


def load_play(
    settings: PlaySettings, file: PlayFile, inventory: LoadedInventory, select: Select, problems: Problems
) -> Project | None:
    """The project of a play whose stage ``SELECTION`` has been read; None with problems where it is wrong."""
    before = len(problems.found)
    check_play_keys(PLAY_KEYS, settings.play, problems)
    try:
        return _Play(settings, file, inventory, select, problems).load(before)
    except InputError as error:
        problems.extend(error)
        return None


@dataclass(slots=True)
class _Play:
    settings: PlaySettings
    file: PlayFile
    inventory: LoadedInventory
    select: Select
    problems: Problems
    layers: Layers = field(default_factory=Layers)
    login: LoginVariables = ()

    @property
    def raw(self) -> Map:
        return self.settings.play

    def load(self, before: int) -> Project | None:
        self._read_settings()
        scopes = host_scopes(self.inventory, self.layers, self.login)
        hosts = self._hosts(scopes)
        document = self._document()
        if document is None or not hosts:
            return None
        play = self._scope(tuple(scopes.values()))
        self.settings.read(Stage.ENVIRONMENT, play)
        renderer = self._renderer(document, play)
        name = self._project_name(document, renderer, play)
        definitions = self._definitions(document, renderer, play, name)
        services = definitions.services(hosts, self.problems)
        if len(self.problems.found) > before:
            return None
        return self._project(name, hosts, services, definitions)

    def _read_settings(self) -> None:
        """Read all keys but the environment, each with the variables that are known by then."""
        self.settings.read(Stage.AS_WRITTEN)
        self.layers = Layers(self.file.path.parent, self.settings[VARS], (), (), self.file.check_mode)
        self.settings.read(Stage.VARS_FILES, self._scope())
        self.layers = replace(self.layers, vars_files=self._vars_files())
        self.settings.read(Stage.HOSTS, self._scope())
        self.layers = replace(self.layers, hosts=self._selected(self.settings[HOSTS]))
        self.settings.read(Stage.SETTINGS, self._scope())
        self.login = tuple(self.settings.login_variables())

    def _project(
        self, name: str, hosts: tuple[Host, ...], services: tuple[Service, ...], definitions: PlayDefinitions
    ) -> Project:
        title = self.settings[NAME] or name
        return Project(
            name=name,
            play=f"{self.file.path.name}: {title}",
            title=title,
            pattern=self.settings[HOSTS],
            hosts=hosts,
            services=services,
            definitions=definitions,
            serial=self.settings[SERIAL],
            max_fail_percent=self.settings[MAX_FAIL_PERCENTAGE],
            reschedule_after_s=self.settings[RESCHEDULE_AFTER],
            any_errors_fatal=self.settings[ANY_ERRORS_FATAL],
            proxy_settings=self._proxy_settings(),
            place=self.raw.place,
        )

    def _scope(self, scopes: Sequence[LazyVars] = ()) -> LazyVars:
        return play_scope(self.inventory, self.layers, scopes)

    def _vars_files(self) -> Sequence[Variables]:
        found = (self._vars_file(entry) for entry in self.settings[VARS_FILES])
        return tuple(variables for variables in found if variables is not None)

    def _vars_file(self, entry: VarsFileEntry) -> Variables | None:
        paths = [self._beside(name) for name in entry.names]
        path = next((path for path in paths if is_file(path)), None)
        if path is None:
            hint = "the path starts from the playbook's folder"
            self.problems.add(entry.place, f"there is no file '{paths[0]}'", hint)
            return None
        return read_vars_file(path, str(path), self.inventory.sources.vault, self.problems)

    def _proxy_settings(self) -> ProxySettings:
        """The proxies' settings, with the authority of the connections between them."""
        settings = self.settings[INGRESS]
        if not settings.mtls:
            return settings
        from deploytool.load.compose.ingress_authority import read_authority

        path = self._beside(settings.mtls)
        try:
            authority = read_authority(path, str(path), make=settings.mtls == DEFAULT_AUTHORITY)
        except FileMistake as error:
            self.problems.add(settings.place, str(error), error.hint)
            return settings
        return replace(settings, authority=authority)

    def _beside(self, name: str) -> Path:
        """A path relative to the playbook, without ``..`` where it can be: messages show it."""
        return Path(os.path.normpath(self.file.path.parent / name))

    def _selected(self, pattern: str) -> list[str]:
        if not pattern:
            return []
        try:
            return list(self.select(pattern, self.inventory.names))
        except ValueError as error:
            self.problems.add(self.raw.place_of("hosts"), str(error), getattr(error, "hint", ""))
            return []

    def _hosts(self, scopes: Mapping[str, LazyVars]) -> tuple[Host, ...]:
        hosts = []
        for name, scope in scopes.items():
            try:
                hosts.append(self.inventory.host(name, scope))
            except InputError as error:
                self.problems.extend(error)
        return _in_order(hosts, self.settings[ORDER])

    def _document(self) -> ComposeDocument | None:
        if self.raw.get("compose") is None:
            return inline_document(self.raw, self.file.path.parent) if "services" in self.raw else None
        name = self.settings[COMPOSE]
        return self._compose_file(name, self.raw.place_of("compose")) if name else None

    def _compose_file(self, name: str, place: Place) -> ComposeDocument | None:
        path = self._beside(name)
        if not is_file(path):
            self.problems.add(
                place, f"there is no Compose file '{path}'", "the path starts from the playbook's folder"
            )
            return None
        return read_document(path, str(path), self.problems)

    def _renderer(self, document: ComposeDocument, play: LazyVars) -> DocumentRenderer:
        own, process = self.settings[ENVIRONMENT], self.inventory.sources.environ
        beside = self._dotenv(document.folder / ".env", process)
        # Looked up and never copied: only variables that are looked up count as inputs of a plan.
        environment: Mapping[str, str] = ChainMap(own, beside, cast(dict[str, str], process))
        return DocumentRenderer(play.templates, Interpolation(environment))

    def _dotenv(self, path: Path, process: Mapping[str, str]) -> dict[str, str]:
        if not path.is_file():
            return {}
        from deploytool.load.templates.dotenv import read_dotenv

        return read_dotenv(path, str(path), process, self.problems)

    def _project_name(self, document: ComposeDocument, renderer: DocumentRenderer, play: LazyVars) -> str:
        """The play's ``project``, else the name in the Compose file, else the play's name."""
        own = self.settings[PROJECT]
        named = renderer.render(document.project, play, document.project_place, self.problems)
        named = named if isinstance(named, str) else ""
        if own and named and own != named:
            hint = f"write project: {named}, or take the name out of the Compose file"
            message = f"the Compose file is of the project '{named}', the play of '{own}'"
            self.problems.add(document.project_place, message, hint)
        name = own or named or slug(self.settings[NAME])
        if not name:
            self.problems.add(self.raw.place, "the play has no name", "write name: or project:")
        elif not _PROJECT.fullmatch(name):
            hint = f"did you mean '{slug(name)}'?" if slug(name) else "begin with a letter"
            place = self.raw.place_of("project") if own else document.project_place
            self.problems.add(place, f"'{name}' is no project name: it takes a-z, 0-9, - and _", hint)
        return name

    def _definitions(
        self, document: ComposeDocument, renderer: DocumentRenderer, play: LazyVars, project: str
    ) -> PlayDefinitions:
        inventory, layers, login = self.inventory, self.layers, self.login
        hostvars = play.magic.get("hostvars")

        def scope(host_name: str, placements: Mapping[str, tuple[str, ...]]) -> LazyVars:
            listed = {service: list(names) for service, names in placements.items()}
            magic = {"placements": listed, "hostvars": hostvars}
            return host_scope(inventory, host_name, layers, login, magic)

        environment = renderer.interpolation.environment
        context = ComposeContext(document.folder, environment, EnvFiles(environment))
        definitions = PlayDefinitions(project, scope, context)
        add_entries(definitions, document, renderer, play, self.problems)
        add_services(definitions, document, renderer, play, self.problems)
        return definitions


def slug(name: str) -> str:
    """A name as a project name: ``My Shop`` → ``my-shop``; empty where nothing is left of it."""
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")


def _in_order(hosts: Sequence[Host], order: str) -> tuple[Host, ...]:
    """The hosts, which come as the pattern gives them, in one of ``ORDERS``."""
    ordered = sorted(hosts, key=lambda host: host.name) if order.endswith("sorted") else list(hosts)
    return tuple(reversed(ordered) if order.startswith("reverse_") else ordered)
