"""Raw pieces of a play, rendered once where every host gets the same and per host where not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deploytool.errors import Place
from deploytool.load.templates.interpolate import Interpolation
from deploytool.load.templates.template import Templates, is_template
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import Map

_OPEN = object()  # needs the variables of a host
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Renderer:
    """How the strings of one Compose document are rendered: Jinja first, then ``${}``.

    ``${}`` is replaced in the text as written. What an expression gives is never interpolated, so a
    password with a ``$`` in a variable arrives as it is. The results are literal: whoever writes them
    into a Compose file doubles each ``$``.
    """

    templates: Templates
    interpolation: Interpolation

    def render(self, value: Any, variables: Mapping[str, Any], place: Place, problems: Problems) -> Any:
        """The value with all strings rendered; ``BROKEN`` in it for each that fails, with a problem."""
        return self.templates.collect(value, variables, place, problems, finish=self.interpolation)


class Part:
    """One raw value. Of a mapping, each key that needs no host is rendered once and shared."""

    def __init__(self, raw: Any, place: Place, renderer: Renderer) -> None:
        self.place = place
        self._renderer = renderer
        self._settled: Any = Map(raw.place) if isinstance(raw, Map) else None
        self._open: Any = raw

    @property
    def common(self) -> bool:
        """Whether every host gets the same."""
        return self._open is _NOTHING

    def settle(self, play: Mapping[str, Any], problems: Problems) -> None:
        """Render for the whole play, as far as the variables of the play suffice.

        Where they do not, each host will say what is missing; a value without templates fails at once.
        """
        if not isinstance(self._open, Map):
            value = self._tried(self._open, play, problems)
            self._settled, self._open = (None, self._open) if value is _OPEN else (value, _NOTHING)
            return
        left = Map(self._open.place)
        for key, raw in self._open.items():
            one = _only(self._open, key, raw)
            value = self._tried(one, play, problems)
            (left if value is _OPEN else self._settled).lay(one if value is _OPEN else value)
        self._open = left if left else _NOTHING

    def _tried(self, raw: Any, play: Mapping[str, Any], problems: Problems) -> Any:
        found = Problems()
        value = self._renderer.render(raw, play, self.place, found)
        if found.found and any(_may_differ(text) for text in strings(raw)):
            return _OPEN
        problems.found += found.found
        return value

    def on(self, variables: Mapping[str, Any], problems: Problems) -> Any:
        """The value for a host, with ``BROKEN`` for each string that fails."""
        if self.common:
            return self._settled
        own = self._renderer.render(self._open, variables, self.place, problems)
        if not isinstance(self._settled, Map):
            return own
        result = Map(self._settled.place)
        result.lay(self._settled)
        result.lay(own)
        return result


def _only(source: Map, key: str, value: Any) -> Map:
    result = Map(source.place)
    result[key] = value
    result.keys_at[key], result.values_at[key] = source.key_place(key), source.place_of(key)
    return result


def _may_differ(text: str) -> bool:
    return is_template(text) or bool(getattr(text, "vault", False))


def strings(value: Any) -> Iterator[str]:
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
