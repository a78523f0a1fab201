"""Renders users' strings with Jinja2, strictly, and looks variables up lazily, as Ansible does.

A value that is a single ``{{ expression }}`` keeps its type; anything else becomes text. Every error is
an ``InputError`` with the place of the string. What a template may do is in ``sandbox``, its filters in
``filters``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, pass_context

from deploytool.errors import InputError, Place
from deploytool.load.templates.compiled import Compiled, compile_template, one_line
from deploytool.load.templates.filters import FILTERS, TESTS
from deploytool.load.templates.limits import Mistake, plain, text_of
from deploytool.load.templates.lookups import Lookups
from deploytool.load.templates.regex_filters import Expressions
from deploytool.load.templates.sandbox import Bounded, Environment, UnknownName
from deploytool.load.text.problems import Problems, input_error, near
from deploytool.load.text.yaml_file import Map, Seq, Str


class _Mark:
    """A value that stands for none."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


OMIT = _Mark("omit")  # the variable ``omit``: what is set to it is left out
BROKEN = _Mark("broken")  # in the place of a string whose template failed

Finish = Callable[[str, Place], str]


def is_template(value: Any) -> bool:
    """Whether a string has Jinja in it. ``!unsafe`` strings never do."""
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
        lookups = Lookups(search, environ)
        expressions = Expressions()
        filters = _with_full_names({**FILTERS, **expressions.filters})
        self._decrypt = decrypt
        self._env = Environment(filters, finalize=_write)
        self._escaping = Environment(filters, finalize=_write_escaped)
        for env in (self._env, self._escaping):
            env.globals.update(lookup=lookups.lookup, query=lookups.query, q=lookups.query, omit=OMIT)
            env.tests.update(_with_full_names({**TESTS, **expressions.tests}))
        self._compiled: dict[tuple[str, bool], Compiled] = {}

    def render(
        self, value: Any, variables: Mapping[str, Any], place: Place, *, finish: Finish | None = None
    ) -> Any:
        """``value`` with every template in it rendered; what has none comes back as it is.

        ``finish`` is applied to each string's own text, not to what expressions give: it sees their
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
        value: Any,
        variables: Mapping[str, Any],
        place: Place,
        problems: Problems,
        *,
        finish: Finish | None = None,
    ) -> Any:
        """As ``render``, but what fails becomes ``BROKEN`` and a problem, so that the rest can be checked."""
        if not value or not isinstance(value, (str, dict, list)):
            return value
        return self._nested(value, variables, place, finish, problems)

    def _nested(
        self,
        value: Any,
        variables: Mapping[str, Any],
        place: Place,
        finish: Finish | None,
        problems: Problems,
    ) -> Any:
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
        self, value: Any, variables: Any, place: Place, finish: Finish | None, problems: Problems
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
        self, value: Any, variables: Any, place: Place, finish: Finish | None, problems: Problems
    ) -> Seq:
        result = Seq(getattr(value, "place", place))
        for index, item in enumerate(value):
            at = value.place_of(index) if isinstance(value, Seq) else place
            rendered = self._nested(item, variables, at, finish, problems)
            if rendered is not OMIT:
                result.append(rendered)
                result.items_at.append(at)
        return result

    def _string(self, value: str, variables: Mapping[str, Any], place: Place, finish: Finish | None) -> Any:
        if getattr(value, "vault", False):
            value = self._decrypted(value, place)
        if not is_template(value):
            return finish(value, place) if finish and not getattr(value, "unsafe", False) else value
        compiled = self._compile(value, place, finish is not None)
        result = self._run(compiled, variables, place)
        if compiled.single:
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

    def _compile(self, text: str, place: Place, escaping: bool) -> Compiled:
        compiled = self._compiled.get((text, escaping))
        if compiled is None:
            env = self._escaping if escaping else self._env
            compiled = self._compiled[text, escaping] = compile_template(env, text, place)
        return compiled

    def _run(self, compiled: Compiled, variables: Mapping[str, Any], place: Place) -> Any:
        context = Bounded(self._env, _Names(self._env.globals, variables), None, {})  # type: ignore[arg-type]
        context.step_cost = 100 + compiled.size
        try:
            pieces = "".join(compiled.run(context))
            return _result(context.vars["result"]) if compiled.single else pieces
        except InputError:
            raise
        except UnknownName as error:
            raise _undefined(error, variables, place) from None
        except Mistake as error:
            raise input_error(place, str(error), error.hint) from None
        except TemplateError as error:
            raise input_error(place, f"the template fails: {one_line(error)}") from None
        except RecursionError:
            raise input_error(place, "the template refers to itself without end") from None
        except Exception as error:
            raise input_error(place, f"the template fails: {one_line(error)}") from None


def _with_full_names(named: Mapping[str, Any]) -> dict[str, Any]:
    """Each under its short name and as ``ansible.builtin.NAME``."""
    return {**named, **{f"ansible.builtin.{name}": value for name, value in named.items()}}


class LazyVars(Mapping[str, Any]):
    """Variables that are rendered when they are looked up, and then remembered.

    ``magic`` names win over ``variables`` and are given as they are; one whose value is a ``Mistake``
    cannot be used here, and the mistake says why.
    """

    def __init__(
        self, templates: Templates, variables: Mapping[str, Any], magic: Mapping[str, Any] | None = None
    ) -> None:
        self.templates = templates
        self.variables = variables
        self.magic = magic or {}
        self._known: dict[str, Any] = {}
        self._open: set[tuple[int, str]] = set()

    def __getitem__(self, name: str) -> Any:
        if name in self.magic:
            return _or_raise(self.magic[name])
        if name not in self._known:
            self._known[name] = self._rendered(name)
        return self._known[name]

    def _rendered(self, name: str) -> Any:
        value = self.variables[name]
        place = self.place_of(name)
        mark = (threading.get_ident(), name)
        if mark in self._open:
            raise input_error(place, f"the variable '{name}' refers to itself")
        self._open.add(mark)
        try:
            return self.templates.render(value, self, place)
        finally:
            self._open.discard(mark)

    def place_of(self, name: str) -> Place:
        """Where a variable was written; an empty place where nobody knows."""
        value = self.variables.get(name)
        at = getattr(value, "place", None)
        if at is None and isinstance(self.variables, Map):
            at = self.variables.place_of(name)
        return at or Place("")

    def __contains__(self, name: object) -> bool:
        return name in self.magic or name in self.variables

    def __iter__(self) -> Iterator[str]:
        yield from self.magic
        yield from (name for name in self.variables if name not in self.magic)

    def __len__(self) -> int:
        return len({*self.magic, *self.variables})


def _or_raise(value: Any) -> Any:
    if isinstance(value, Mistake):
        # Never the one that is kept: each raise adds its frames to it, and with them all that was loaded.
        raise Mistake(str(value), value.hint)
    return value


class _Names(Mapping[str, Any]):
    """What a template's names mean: variables first, then the environment's globals."""

    __slots__ = ("_globals", "_variables")

    def __init__(self, globals_: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
        self._globals = globals_
        self._variables = variables

    def __getitem__(self, name: str) -> Any:
        return self._variables[name] if name in self._variables else self._globals[name]

    def __contains__(self, name: object) -> bool:
        return name in self._variables or name in self._globals

    def __iter__(self) -> Iterator[str]:
        return iter({**self._globals, **dict.fromkeys(self._variables)})

    def __len__(self) -> int:
        return len({*self._globals, *self._variables})


@pass_context
def _write(context: Bounded, value: Any) -> str:
    return context.wrote(_text(value))


@pass_context
def _write_escaped(context: Bounded, value: Any) -> str:
    return context.wrote(_text(value).replace("$", "$$"))


def _text(value: Any) -> str:
    """What ``{{ value }}`` writes among other text; null writes nothing, as in Ansible."""
    if value is OMIT:
        raise Mistake("'omit' leaves a whole value out, and cannot be a part of a text")
    return "" if value is None else text_of(plain(value))


def _result(value: Any) -> Any:
    return value if value is OMIT else plain(value)


def _undefined(error: UnknownName, variables: Mapping[str, Any], place: Place) -> InputError:
    if error.among is None:
        way_out = f"define it under 'vars' of the play or in the inventory, or pass -e {error.name}=…"
        return input_error(place, f"'{error.name}' is undefined", near(error.name, variables, way_out))
    return input_error(
        place, f"there is no '{error.name}' in the mapping", near(error.name, map(str, error.among))
    )
