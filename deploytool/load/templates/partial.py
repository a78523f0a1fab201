"""Partial evaluation of raw values: rendered once as far as all hosts share them, then for each host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deploytool.errors import Place
from deploytool.load.templates.interpolate import Interpolation
from deploytool.load.templates.template import Templates, is_template
from deploytool.load.text.located import Raw, Variables
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import Map

_NEEDS_A_HOST = object()
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class DocumentRenderer:
    """Renders the strings of one Compose document: Jinja first, then ``${}``.

    ``${}`` is replaced in the text as written. What an expression gives is never interpolated, so a
    password with a ``$`` in a variable arrives as it is. The results are literal: whoever writes them
    into a Compose file doubles each ``$``.
    """

    templates: Templates
    interpolation: Interpolation

    def render(self, value: Raw, variables: Variables, place: Place, problems: Problems) -> Raw:
        """The value with all strings rendered; ``BROKEN`` in it for each that fails, with a problem."""
        return self.templates.collect(value, variables, place, problems, finish=self.interpolation)


class PartialValue:
    """A raw value, partially evaluated; of a mapping, each key by itself."""

    def __init__(self, raw: Raw, place: Place, renderer: DocumentRenderer) -> None:
        self.place = place
        self._renderer = renderer
        self._shared: Raw = Map(raw.place) if isinstance(raw, Map) else None
        self._per_host: Raw = raw

    @property
    def is_shared(self) -> bool:
        """True where every host has the same value."""
        return self._per_host is _NOTHING

    def render_for_play(self, play: Variables, problems: Problems) -> None:
        """Render for the whole play, as far as the variables of the play suffice.

        Where they do not, the value is left for the hosts; one without templates is a problem at once.
        """
        if not isinstance(self._per_host, Map):
            value = self._tried(self._per_host, play, problems)
            if value is not _NEEDS_A_HOST:
                self._shared, self._per_host = value, _NOTHING
            return
        left = Map(self._per_host.place)
        for key, raw in self._per_host.items():
            entry = _only(self._per_host, key, raw)
            value = self._tried(entry, play, problems)
            if value is _NEEDS_A_HOST:
                left.overlay(entry)
            else:
                self._shared.overlay(value)
        self._per_host = left if left else _NOTHING

    def _tried(self, raw: Raw, play: Variables, problems: Problems) -> Raw:
        found = Problems()
        value = self._renderer.render(raw, play, self.place, found)
        if found.found and any(_may_differ(text) for text in strings(raw)):
            return _NEEDS_A_HOST
        problems.found += found.found
        return value

    def render_for_host(self, variables: Variables, problems: Problems) -> Raw:
        """The value for a host, with ``BROKEN`` for each string that fails."""
        if self.is_shared:
            return self._shared
        own = self._renderer.render(self._per_host, variables, self.place, problems)
        if not isinstance(self._shared, Map):
            return own
        result = Map(self._shared.place)
        result.overlay(self._shared)
        result.overlay(own)
        return result


def _only(source: Map, key: str, value: Raw) -> Map:
    result = Map(source.place)
    result[key] = value
    result.keys_at[key], result.values_at[key] = source.key_place(key), source.place_of(key)
    return result


def _may_differ(text: str) -> bool:
    return is_template(text) or bool(getattr(text, "vault", False))


def strings(value: Raw) -> Iterator[str]:
    """Every string within a value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
