"""The services of a play, and the definition of each host.

Keys that decide scheduling are rendered once for the play, all else for each host. Values without a host's
variables are rendered and normalized once and shared, so that thousands of hosts stay cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from deploytool.errors import Place, Problem
from deploytool.load.compose.deploy import service_of
from deploytool.load.compose.known_keys import Normalized
from deploytool.load.compose.normalize import ComposeContext, HostNormalizer
from deploytool.load.compose.schema import SERVICE_VALIDATOR
from deploytool.load.compose.section_schema import SECTIONS
from deploytool.load.compose.split import ServiceText
from deploytool.load.compose.validators import INVALID, Spot
from deploytool.load.playbook.references import check_references
from deploytool.load.templates.partial import DocumentRenderer, PartialValue
from deploytool.load.text.located import Raw, Variables
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import Map
from deploytool.model.intent import Definition, File, Service
from deploytool.model.inventory import Host

Placements = Mapping[str, tuple[str, ...]]
Scope = Callable[[str, Placements], Variables]
"""(host name, placements) → the variables that the templates of that host see."""


@dataclass(slots=True)
class _Source:
    """A service: its part for the play in normalized form, its part for each host as written.

    ``shared`` holds the results for hosts that get the same, by the hosts' folder.
    """

    name: str
    place: Place
    decided: Normalized
    part: PartialValue
    shared: dict[str, tuple[Map, HostNormalizer]] = field(default_factory=dict)


@dataclass(slots=True)
class _Entry:
    """An entry of a top-level section; ``shared`` by the host's folder and the mode of its file."""

    section: str
    name: str
    part: PartialValue
    shared: dict[tuple[str, int | None], tuple[dict[str, Raw] | None, HostNormalizer]] = field(
        default_factory=dict
    )


class PlayDefinitions:
    """Implements ``model.intent.Definitions`` for one play."""

    def __init__(self, project: str, scope: Scope, context: ComposeContext) -> None:
        self._project = project
        self._scope = scope
        self._context = context
        self._sources: list[_Source] = []
        self._entries: list[_Entry] = []
        self._shared: dict[str, Definition] = {}

    def add_service(
        self, text: ServiceText, renderer: DocumentRenderer, play: Variables, problems: Problems
    ) -> None:
        """Add a service. Its part for the play is rendered and checked at once."""
        part = PartialValue(text.rest, text.place, renderer)
        part.render_for_play(play, problems)
        rendered = renderer.render(text.deciding, play, text.place, problems)
        decided = SERVICE_VALIDATOR(rendered, Spot(text.place, text.name, problems))
        self._sources.append(_Source(text.name, text.place, {} if decided is INVALID else decided, part))

    def add_entry(
        self,
        section: str,
        name: str,
        raw: Raw,
        place: Place,
        renderer: DocumentRenderer,
        play: Variables,
        problems: Problems,
    ) -> None:
        """Add an entry of a top-level section."""
        self._context.names.setdefault(section, set()).add(name)
        part = PartialValue(raw, place, renderer)
        part.render_for_play(play, problems)
        self._entries.append(_Entry(section, name, part))

    def services(self, hosts: Sequence[Host], problems: Problems) -> tuple[Service, ...]:
        """The services as the scheduler sees them. Renders all hosts' definitions, to find problems."""
        everywhere = tuple(sorted(host.name for host in hosts))
        placements = {source.name: everywhere for source in self._sources}
        trial = _Trial(hosts)
        for host in trial.hosts if not self._is_shared else _one_per_folder(hosts):
            found = Problems()
            trial.note(host.name, self._render(host, placements, found), found)
        trial.report(problems, everywhere_same=self._is_shared)
        services = tuple(self._service(source, trial, problems) for source in self._sources)
        check_references(
            services, trial.bodies, {s.name: s.decided for s in self._sources}, len(hosts), problems
        )
        return services

    @staticmethod
    def _service(source: _Source, trial: _Trial, problems: Problems) -> Service:
        whole = Map(source.place)
        whole.overlay(trial.bodies.get(source.name, {}))
        whole.overlay(source.decided)
        volumes = sorted(trial.volumes.get(source.name, ()))
        return service_of(source.name, whole, volumes, source.place, problems)

    def on(self, host: Host, placements: Placements) -> Definition:
        """See ``model.intent.Definitions``."""
        problems = Problems()
        definition = self._render(host, placements, problems)
        problems.raise_if_any()
        return definition

    @property
    def _is_shared(self) -> bool:
        return all(source.part.is_shared for source in self._sources) and all(
            e.part.is_shared for e in self._entries
        )

    def _render(self, host: Host, placements: Placements, problems: Problems) -> Definition:
        root = f"{host.directory}/{self._project}"
        if root in self._shared:
            return self._shared[root]
        variables = {} if self._is_shared else self._scope(host.name, placements)
        collected = HostNormalizer(self._context, root, problems)
        services = {source.name: self._body(source, variables, collected) for source in self._sources}
        toplevel: dict[str, Raw] = {section: {} for section in SECTIONS}
        for entry in self._entries:
            toplevel[entry.section][entry.name] = self._entry(entry, variables, collected)
        files: tuple[File, ...] = tuple(collected.files[path] for path in sorted(collected.files))
        definition = Definition(services, {key: value for key, value in toplevel.items() if value}, files)
        if self._is_shared and not problems.found:
            self._shared[root] = definition
        return definition

    def _body(self, source: _Source, variables: Variables, collected: HostNormalizer) -> Map:
        if source.part.is_shared and collected.root in source.shared:
            body, own = source.shared[collected.root]
        else:
            own = HostNormalizer(self._context, collected.root, Problems())
            rendered = source.part.render_for_host(variables, own.problems)
            body = own.service(source.name, rendered, source.decided, source.place)
            if source.part.is_shared:
                source.shared[collected.root] = body, own
        collected.absorb(own)
        return body

    def _entry(self, entry: _Entry, variables: Variables, collected: HostNormalizer) -> dict[str, Raw] | None:
        key = (collected.root, collected.modes.get((entry.section, entry.name)))
        if entry.part.is_shared and key in entry.shared:
            value, own = entry.shared[key]
        else:
            own = HostNormalizer(self._context, collected.root, Problems(), modes=collected.modes)
            rendered = entry.part.render_for_host(variables, own.problems)
            value = own.toplevel(entry.section, entry.name, rendered, entry.part.place)
            if entry.part.is_shared:
                entry.shared[key] = value, own
        collected.absorb(own)
        return value


class _Trial:
    """The results of rendering every host's definition, before any service has its hosts."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.hosts = hosts
        self.bodies: dict[str, Normalized] = {}
        self.volumes: dict[str, set[str]] = {}
        self._wrong: dict[Problem, list[str]] = {}

    def note(self, host_name: str, definition: Definition, problems: Problems) -> None:
        for problem in set(problems.found):
            self._wrong.setdefault(problem, []).append(host_name)
        for name, body in definition.services.items():
            self.bodies.setdefault(name, body)
            self.volumes.setdefault(name, set()).update(_named_volumes(body))

    def report(self, problems: Problems, *, everywhere_same: bool) -> None:
        """Each problem once; where only some hosts have it, the sentence says which."""
        for problem, names in self._wrong.items():
            some = not everywhere_same and len(names) < len(self.hosts)
            others = f" and {len(names) - 1} more" if len(names) > 1 else ""
            where = f" (on {names[0]}{others})" if some else ""
            problems.add(problem.place, problem.message + where, problem.hint)


def _named_volumes(body: Normalized) -> set[str]:
    mounts = body.get("volumes") or ()
    return {mount["source"] for mount in mounts if mount["type"] == "volume" and mount.get("source")}


def _one_per_folder(hosts: Sequence[Host]) -> list[Host]:
    return list({host.directory: host for host in hosts}.values())
