"""Renders users' values, strictly: every string in them that is a template.

A value that is a single ``{{ expression }}`` keeps its type; anything else becomes text. Every error is
an ``InputError`` with the place of the string. Jinja itself is in ``jinja_renderer``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from deploytool.errors import InputError, Place
from deploytool.load.templates.placeholders import BROKEN, OMIT
from deploytool.load.text.located import Raw, Variables
from deploytool.load.text.problems import Problems, input_error
from deploytool.load.text.yaml_file import Map, Seq, Str

if TYPE_CHECKING:
    from deploytool.load.templates.jinja_renderer import JinjaRenderer

Finish = Callable[[str, Place], str]


def is_template(value: Raw) -> bool:
    """True for a string with Jinja in it, unless it is marked ``!unsafe``."""
    return (
        isinstance(value, str)
        and "{" in value
        and ("{{" in value or "{%" in value or "{#" in value)
        and not getattr(value, "unsafe", False)
    )


class Templates:
    """Compiles each string once, and renders it as often as it is asked.

    ``search`` is where ``lookup('file', …)`` looks, ``environ`` what ``lookup('env', …)`` sees. ``decrypt``
    turns a ``!vault`` text into its content; it raises ValueError with a sentence.
    """

    def __init__(
        self, *, search: Path, environ: Mapping[str, str], decrypt: Callable[[str], str] | None = None
    ) -> None:
        self._search = search
        self._environ = environ
        self._decrypt = decrypt

    @cached_property
    def _jinja(self) -> JinjaRenderer:
        from deploytool.load.templates.jinja_renderer import JinjaRenderer

        return JinjaRenderer(self._search, self._environ)

    def render(self, value: Raw, variables: Variables, place: Place, *, finish: Finish | None = None) -> Raw:
        """``value`` with every template in it rendered; a value without any is given back as it is.

        ``finish`` is applied to each string's own text, not to results of expressions: it sees their
        ``$`` doubled. Entries that render to ``omit`` are left out.

        Raises:
            InputError: undefined name, wrong syntax, a loop, a limit; with every problem in ``value``.
        """
        problems = Problems()
        result = self.collect(value, variables, place, problems, finish=finish)
        problems.raise_if_any()
        return result

    def collect(
        self,
        value: Raw,
        variables: Variables,
        place: Place,
        problems: Problems,
        *,
        finish: Finish | None = None,
    ) -> Raw:
        """Render like ``render``, but a string that fails becomes ``BROKEN`` and a problem."""
        if not value or not isinstance(value, (str, dict, list)):
            return value
        return self._nested(value, variables, place, finish, problems)

    def _nested(
        self,
        value: Raw,
        variables: Variables,
        place: Place,
        finish: Finish | None,
        problems: Problems,
    ) -> Raw:
        if isinstance(value, dict):
            return self._mapping(value, variables, place, finish, problems)
        if isinstance(value, list):
            return self._list(value, variables, place, finish, problems)
        if not isinstance(value, str):
            return value
        try:
            return self._string(value, variables, getattr(value, "place", place), finish)
        except InputError as error:
            problems.extend(error)
            return BROKEN

    def _mapping(
        self, value: Raw, variables: Raw, place: Place, finish: Finish | None, problems: Problems
    ) -> Map:
        result = Map(getattr(value, "place", place))
        for key, item in value.items():
            at = value.place_of(key) if isinstance(value, Map) else place
            key_at = value.key_place(key) if isinstance(value, Map) else place
            rendered = self._nested(item, variables, at, finish, problems)
            name = self._nested(Str.at(key, key_at), variables, key_at, None, problems) if "{" in key else key
            if rendered is not OMIT and name is not OMIT and name is not BROKEN:
                result[str(name)] = rendered
                result.keys_at[str(name)], result.values_at[str(name)] = key_at, at
        return result

    def _list(
        self, value: Raw, variables: Raw, place: Place, finish: Finish | None, problems: Problems
    ) -> Seq:
        result = Seq(getattr(value, "place", place))
        for index, item in enumerate(value):
            at = value.place_of(index) if isinstance(value, Seq) else place
            rendered = self._nested(item, variables, at, finish, problems)
            if rendered is not OMIT:
                result.append(rendered)
                result.items_at.append(at)
        return result

    def _string(self, value: str, variables: Variables, place: Place, finish: Finish | None) -> Raw:
        if getattr(value, "vault", False):
            value = self._decrypted(value, place)
        if not is_template(value):
            return finish(value, place) if finish and not getattr(value, "unsafe", False) else value
        result, single = self._jinja.render(value, variables, place, escaping=finish is not None)
        if single:
            return result
        return Str.at(finish(result, place) if finish else result, place)

    def _decrypted(self, value: str, place: Place) -> str:
        if self._decrypt is None:
            raise input_error(
                place, "an encrypted value, and no vault password", "pass --vault-password-file"
            )
        try:
            return Str.at(self._decrypt(value), place, unsafe=True)
        except ValueError as error:
            raise input_error(place, str(error)) from None
