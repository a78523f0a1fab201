"""The services and top-level entries of a document, one by one, into the definitions of a play."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from deploytool.errors import Place
from deploytool.load.compose.compose_file import ComposeDocument
from deploytool.load.compose.known_keys import key_place
from deploytool.load.compose.split import split
from deploytool.load.compose.validators import kind_of
from deploytool.load.playbook.definitions import PlayDefinitions
from deploytool.load.templates.partial import DocumentRenderer
from deploytool.load.templates.placeholders import BROKEN
from deploytool.load.templates.template import is_template
from deploytool.load.text.located import Raw, Variables
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import Map, Str, place_of

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")


def add_services(
    definitions: PlayDefinitions,
    document: ComposeDocument,
    renderer: DocumentRenderer,
    play: Variables,
    problems: Problems,
) -> None:
    """Add every service. Names are rendered with the variables of the play."""
    reader = _Names(renderer, play, problems)
    found = list(reader.entries("services", "service", document.services, document.place))
    if not found and isinstance(document.services, dict) and not document.services:
        problems.add(document.place, "'services' is empty", "to run nothing, take the play's containers down")
    bodies = {name: raw for name, raw, _ in found if isinstance(raw, Map)}
    if any("extends" in body for body in bodies.values()):
        bodies = _extended(bodies, document, renderer, play, problems)
    for name, raw, place in found:
        if name in bodies:
            definitions.add_service(split(name, bodies[name], place), renderer, play, problems)
        elif raw is not BROKEN:
            problems.add(place, f"the service '{name}' has to be a mapping, not {_kind(raw)}")


def _extended(
    bodies: Mapping[str, Map],
    document: ComposeDocument,
    renderer: DocumentRenderer,
    play: Variables,
    problems: Problems,
) -> dict[str, Map]:
    """Each service together with those that it extends."""
    from deploytool.load.compose.extends import Extender

    extender = Extender(
        document.folder,
        document.services,
        lambda value, place: renderer.render(value, play, place, problems),
        problems,
    )
    return {name: extender.resolved(name, body) for name, body in bodies.items()}


def add_entries(
    definitions: PlayDefinitions,
    document: ComposeDocument,
    renderer: DocumentRenderer,
    play: Variables,
    problems: Problems,
) -> None:
    """Add every network, volume, config and secret."""
    reader = _Names(renderer, play, problems)
    for section, entries in document.sections.items():
        for name, raw, place in reader.entries(section, section.rstrip("s"), entries, document.place):
            definitions.add_entry(section, name, raw, place, renderer, play, problems)


class _Names:
    def __init__(self, renderer: DocumentRenderer, play: Variables, problems: Problems) -> None:
        self._renderer = renderer
        self._play = play
        self._problems = problems

    def entries(self, section: str, word: str, raw: Raw, place: Place) -> Iterator[tuple[str, Raw, Place]]:
        """Name, raw value and place of each entry's key; the value is ``BROKEN`` where its template fails."""
        at = getattr(raw, "place", place)
        if isinstance(raw, str) and is_template(raw):
            raw = self._rendered(raw, at)
        if raw is BROKEN:
            return
        if not isinstance(raw, dict):
            if raw is not None or section == "services":
                self._problems.add(at, f"'{section}' has to be a mapping, not {_kind(raw)}")
            return
        seen: set[str] = set()
        for key, value in raw.items():
            key_at = key_place(raw, key, at)
            name = self._rendered(Str.at(key, key_at), key_at) if is_template(key) else key
            if name in seen:
                self._problems.add(key_at, f"the {word} '{name}' is defined twice")
            elif name is not BROKEN and self._is_name(str(name), word, key_at):
                seen.add(str(name))
                yield str(name), self._body(value, place_of(raw, key, key_at)), key_at

    def _body(self, value: Raw, place: Place) -> Raw:
        """The value of an entry; a single expression is rendered with the variables of the play."""
        return self._rendered(value, place) if is_template(value) else value

    def _is_name(self, name: str, word: str, place: Place) -> bool:
        if _NAME.fullmatch(name) and len(name) <= 63:
            return True
        hint = "names take letters, digits, '.', '_' and '-', and begin with a letter or a digit"
        self._problems.add(place, f"'{name:.60}' is no name for a {word}", hint)
        return False

    def _rendered(self, value: str, place: Place) -> Raw:
        return self._renderer.render(value, self._play, place, self._problems)


def _kind(value: Raw) -> str:
    return "empty" if value is None else kind_of(value)
