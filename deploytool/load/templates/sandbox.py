"""The Jinja environment that renders users' strings: strict, unable to reach Python, bounded.

A template can neither name Python's internals nor run away: its steps, the text it makes and the numbers
it pads with are limited, so a bomb is an error with a place and never a dead machine.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from jinja2 import StrictUndefined, UndefinedError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

from deploytool.load.templates.limits import (
    CHECKS,
    MAX_NUMBER,
    MAX_TEXT,
    Data,
    check_format,
    check_method,
    check_number,
    check_replace,
    check_size,
    text_of,
)
from deploytool.load.text.problems import Mistake

MAX_WORK = 40_000_000  # characters of template passed over, loops included

_SIZED = (
    "center",
    "indent",
    "batch",
    "slice",
    "wordwrap",
    "round",
    "to_nice_json",
    "to_nice_yaml",
    "to_json",
    "to_yaml",
    "tojson",
)
_DROPPED_FILTERS = ("random", "xmlattr", "urlize", "pprint")


class UnknownName(UndefinedError):
    """A template used a name that does not exist. ``among`` are the keys of the mapping it was sought in."""

    def __init__(self, message: str | None, name: str, among: Iterable[Data] | None) -> None:
        super().__init__(message)
        self.name = name
        self.among = among


class Missing(StrictUndefined):
    """An undefined value: an error when used. ``a.b.c | default(1)`` may look into it, as in Ansible."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Data = missing, name: str | None = None, exc: Any = UndefinedError
    ) -> None:
        super().__init__(hint, obj, name, exc)
        if exc is UndefinedError and (obj is missing or isinstance(obj, Mapping)):
            among = None if obj is missing else obj
            unknown = functools.partial(UnknownName, name=str(name), among=among)
            self._undefined_exception = cast(type[UndefinedError], unknown)

    def __getattr__(self, name: str) -> Data:
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Data:
        return self


class Bounded(Context):
    """The context of one rendering, with its remaining steps and characters."""

    work_left = MAX_WORK
    text_left = MAX_TEXT
    step_cost = 100

    def step(self) -> None:
        """Count one step of a loop or a call."""
        self.work_left -= self.step_cost
        if self.work_left < 0:
            raise Mistake("the template takes too many steps")

    def wrote(self, text: str) -> str:
        """Count the characters of ``text``, and give it back."""
        self.text_left -= len(text)
        if self.text_left < 0:
            raise Mistake(f"the template makes more than {MAX_TEXT // 1024 // 1024} MiB of text")
        return text


class _Metered(NodeTransformer):
    """Sends each loop and each ``~`` through the meter."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.iter = _through("_steps", node.iter)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _through("_concat", nodes.List(node.nodes, lineno=node.lineno))


def _through(name: str, node: nodes.Node) -> nodes.Filter:
    return nodes.Filter(cast(nodes.Expr, node), name, [], [], None, None, lineno=node.lineno)


class Environment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox with meters; see the module."""

    context_class = Bounded
    intercepted_binops = frozenset(["+", "*", "**", "%"])

    def __init__(self, filters: Mapping[str, Callable[..., Any]], **options: Any) -> None:
        super().__init__(undefined=Missing, keep_trailing_newline=True, **options)
        for name in _DROPPED_FILTERS:
            del self.filters[name]
        del self.globals["lipsum"]
        self.filters.update(filters)
        for name, function in list(self.filters.items()):
            self.filters[name] = _guarded(name, function)
        self.filters.update(_steps=_steps, _concat=_concat, join=_join, replace=_replace)

    def metered(self, source: str) -> nodes.Template:
        """The syntax tree of a template, with its loops metered."""
        if "\\" in source and "{{" in source:
            source = "".join(self._literal(source))
        tree: nodes.Template = _Metered().visit(self.parse(source))
        return tree

    def _literal(self, source: str) -> Iterator[str]:
        """The source with backslashes doubled in the strings of ``{{ … }}``, so that each is one backslash.

        As in Ansible: ``regex_replace('(a)', '\\1')`` would otherwise have to be written with two.
        """
        inside = False
        for _, kind, text in self.lex(source):
            inside = kind == "variable_begin" or (inside and kind != "variable_end")
            if kind == "string" and inside and "\\" in text:
                quote = text[0]
                text = text[1:-1].replace("\\", "\\\\").replace(quote, f"\\{quote}")
                text = f"{quote}{text}{quote}"
            yield text

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Data:
        __context.step()
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, (str, bytes)):
            check_method(owner, __obj.__name__, args)
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Data, right: Data) -> Data:
        CHECKS[operator](left, right)
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Data) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            check_format(value.__self__)
        return wrapped


@pass_context
def _steps(context: Bounded, values: Iterable[Data]) -> Iterator[Data]:
    for value in values:
        context.step()
        yield value


@pass_context
def _concat(context: Bounded, values: Sequence[Data]) -> str:
    return "".join(context.wrote(text_of(value)) for value in values)


@pass_context
def _join(context: Bounded, value: Iterable[Data], d: str = "", attribute: str | int | None = None) -> str:
    if attribute is not None:
        value = (context.environment.getitem(item, attribute) for item in value)
    parts = [context.wrote(text_of(item)) for item in value]
    context.wrote(str(d) * min(len(parts), MAX_NUMBER))
    return str(d).join(parts)


def _replace(value: Data, old: str, new: str, count: int = -1) -> str:
    text = text_of(value)
    check_replace(text, str(old), str(new))
    return text.replace(str(old), str(new), -1 if count is None else count)


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, refusing giant arguments before it multiplies them."""
    sized = name in _SIZED

    @functools.wraps(function)
    def guard(*args: Any, **kwargs: Any) -> Data:
        for number in (*args[1:], *kwargs.values()) if sized else ():
            check_number(number)
        for value in args:
            if isinstance(value, (dict, list, tuple)):
                check_size(value)
        if name == "format":
            check_format(str(args[0]))
        return function(*args, **kwargs)

    return guard
