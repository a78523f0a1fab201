"""Compiles and runs one string with Jinja. Errors become sentences with a place.

Loaded with the first string that is a template: Jinja and the filters take longer to load than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from jinja2 import TemplateError, pass_context

from deploytool.errors import InputError, Place
from deploytool.load.templates.ansible_filters import FILTERS, TESTS
from deploytool.load.templates.compiled import Compiled, compile_template, one_line
from deploytool.load.templates.limits import Data, plain, text_of
from deploytool.load.templates.lookups import Lookups
from deploytool.load.templates.placeholders import OMIT
from deploytool.load.templates.regex_filters import Expressions
from deploytool.load.templates.sandbox import Bounded, Environment, UnknownName
from deploytool.load.text.located import Variables
from deploytool.load.text.problems import Mistake, input_error, near


class JinjaRenderer:
    """One environment for all strings of a playbook; each string is compiled once.

    ``search`` is the folder of ``lookup('file', …)``, ``environ`` the variables of ``lookup('env', …)``.
    """

    def __init__(self, search: Path, environ: Mapping[str, str]) -> None:
        lookups = Lookups(search, environ)
        expressions = Expressions()
        filters = _with_full_names({**FILTERS, **expressions.filters})
        self._env = Environment(filters, finalize=_write)
        self._escaping = Environment(filters, finalize=_write_escaped)
        for env in (self._env, self._escaping):
            env.globals.update(lookup=lookups.lookup, query=lookups.query, q=lookups.query, omit=OMIT)
            env.tests.update(_with_full_names({**TESTS, **expressions.tests}))
        self._compiled: dict[tuple[str, bool], Compiled] = {}

    def render(self, text: str, variables: Variables, place: Place, *, escaping: bool) -> tuple[Data, bool]:
        """The result, and whether ``text`` is one expression, whose result keeps its type.

        With ``escaping``, each ``$`` that an expression writes among other text is doubled.

        Raises:
            InputError: undefined name, wrong syntax, a loop, a limit.
        """
        compiled = self._compile(text, place, escaping)
        return self._run(compiled, variables, place), compiled.single

    def _compile(self, text: str, place: Place, escaping: bool) -> Compiled:
        compiled = self._compiled.get((text, escaping))
        if compiled is None:
            env = self._escaping if escaping else self._env
            compiled = self._compiled[text, escaping] = compile_template(env, text, place)
        return compiled

    def _run(self, compiled: Compiled, variables: Variables, place: Place) -> Data:
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


def _with_full_names(named: Variables) -> dict[str, Data]:
    """Each under its short name and as ``ansible.builtin.NAME``."""
    return {**named, **{f"ansible.builtin.{name}": value for name, value in named.items()}}


class _Names(Variables):
    """The names that a template may use: variables first, then the environment's globals."""

    __slots__ = ("_globals", "_variables")

    def __init__(self, globals_: Variables, variables: Variables) -> None:
        self._globals = globals_
        self._variables = variables

    def __getitem__(self, name: str) -> Data:
        return self._variables[name] if name in self._variables else self._globals[name]

    def __contains__(self, name: object) -> bool:
        return name in self._variables or name in self._globals

    def __iter__(self) -> Iterator[str]:
        return iter({**self._globals, **dict.fromkeys(self._variables)})

    def __len__(self) -> int:
        return len({*self._globals, *self._variables})


@pass_context
def _write(context: Bounded, value: Data) -> str:
    return context.wrote(_text(value))


@pass_context
def _write_escaped(context: Bounded, value: Data) -> str:
    return context.wrote(_text(value).replace("$", "$$"))


def _text(value: Data) -> str:
    """The text of a value among other text; none for null, as in Ansible."""
    if value is OMIT:
        raise Mistake("'omit' leaves a whole value out, and cannot be a part of a text")
    return "" if value is None else text_of(plain(value))


def _result(value: Data) -> Data:
    return value if value is OMIT else plain(value)


def _undefined(error: UnknownName, variables: Variables, place: Place) -> InputError:
    if error.among is None:
        way_out = f"define it under 'vars' of the play or in the inventory, or pass -e {error.name}=…"
        return input_error(place, f"'{error.name}' is undefined", near(error.name, variables, way_out))
    return input_error(
        place, f"there is no '{error.name}' in the mapping", near(error.name, map(str, error.among))
    )
