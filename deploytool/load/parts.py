"""Raw pieces of a play, rendered once where every host gets the same and per host where not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deploytool.errors import Place
from deploytool.load.interpolate import Interpolation
from deploytool.load.problems import Problems
from deploytool.load.template import Templates, is_template

_UNKNOWN = object()


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
    """One raw value. ``common`` tells whether every host gets the same."""

    def __init__(self, raw: Any, place: Place, renderer: Renderer) -> None:
        self._raw = raw
        self.place = place
        self._renderer = renderer
        self._value: Any = _UNKNOWN

    @property
    def common(self) -> bool:
        return self._value is not _UNKNOWN

    def settle(self, play: Mapping[str, Any], problems: Problems) -> None:
        """Render for the whole play, if the variables of the play suffice.

        Where they do not, each host will say what is missing; a value without templates fails at once.
        """
        found = Problems()
        value = self._renderer.render(self._raw, play, self.place, found)
        if not found.found or not any(_may_differ(text) for text in strings(self._raw)):
            self._value = value
            problems.found += found.found

    def on(self, variables: Mapping[str, Any], problems: Problems) -> Any:
        """The value for a host, with ``BROKEN`` for each string that fails."""
        if self.common:
            return self._value
        return self._renderer.render(self._raw, variables, self.place, problems)


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
