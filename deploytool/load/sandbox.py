"""The Jinja environment that renders users' strings: strict, unable to reach Python, bounded.

A template can neither name Python's internals nor run away: its steps, the text it makes and the numbers
it pads with are limited, so a bomb is an error with a place and never a dead machine.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, cast

from jinja2 import StrictUndefined, UndefinedError, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

MAX_TEXT = 8 * 1024 * 1024  # characters that one template may make
MAX_VALUES = 500_000  # values in one result, shared ones counted each time
MAX_WORK = 40_000_000  # characters of template passed over, loops included
MAX_NUMBER = 100_000  # as a width, an indentation, a repetition of a filter or method
MAX_BITS = 4096  # of an integer

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
_WIDE_FORMAT = re.compile(r"\d{6,}|\*|\{[^{}]*\{")


class Mistake(Exception):
    """What a template may not do: a sentence and a way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UnknownName(UndefinedError):
    """A template used a name that does not exist. ``among`` are the keys of the mapping it was sought in."""

    def __init__(self, message: str | None, name: str, among: Iterable[Any] | None) -> None:
        super().__init__(message)
        self.name = name
        self.among = among


class Missing(StrictUndefined):
    """An undefined value: an error when used. ``a.b.c | default(1)`` may look into it, as in Ansible."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: Any = UndefinedError
    ) -> None:
        super().__init__(hint, obj, name, exc)
        if exc is UndefinedError and (obj is missing or isinstance(obj, Mapping)):
            among = None if obj is missing else obj
            unknown = functools.partial(UnknownName, name=str(name), among=among)
            self._undefined_exception = cast(type[UndefinedError], unknown)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Any:
        return self

    def fail(self) -> None:
        self._fail_with_undefined_error()


class Bounded(Context):
    """One rendering, with what it has left to spend."""

    work_left = MAX_WORK
    text_left = MAX_TEXT
    step_cost = 100

    def step(self) -> None:
        self.work_left -= self.step_cost
        if self.work_left < 0:
            raise Mistake("the template takes too many steps")

    def wrote(self, text: str) -> str:
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
        tree: nodes.Template = _Metered().visit(self.parse(source))
        return tree

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        __context.step()
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, (str, bytes)):
            _check_method(owner, __obj.__name__, args)
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        _BINOP_CHECKS[operator](left, right)
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            _check_format(value.__self__)
        return wrapped


def plain(value: Any) -> Any:
    """A template's result as YAML could have said it: lists for iterators, no undefined parts, bounded.

    Raises:
        Mistake: more than ``MAX_VALUES`` values, or a value that no file could hold.
        UndefinedError: a part is undefined.
    """
    return _plain(value, [MAX_VALUES], 0)


def _plain(value: Any, left: list[int], depth: int) -> Any:
    left[0] -= 1
    if left[0] < 0 or depth > 64:
        raise Mistake(f"the template makes more than {MAX_VALUES} values, or nests them too deep")
    if isinstance(value, Missing):
        value.fail()
    if value is None or isinstance(value, (str, bool, int, float, datetime.date)):
        return value
    if isinstance(value, Mapping):
        mapping = {str(key): _plain(item, left, depth + 1) for key, item in value.items()}
        return value if isinstance(value, dict) and _same(mapping.values(), value.values()) else mapping
    if isinstance(value, (Sequence, Set, Iterator)) and not isinstance(value, bytes):
        items = [_plain(item, left, depth + 1) for item in value]
        return value if isinstance(value, list) and _same(items, value) else items
    raise Mistake(f"the template gives a {type(value).__name__}, which is no text, number, list or mapping")


def _same(new: Iterable[Any], old: Iterable[Any]) -> bool:
    return all(one is other for one, other in zip(new, old, strict=True))


def text_of(value: Any) -> str:
    """What ``{{ value }}`` writes among other text."""
    return value if isinstance(value, str) else str(plain(value))


@pass_context
def _steps(context: Bounded, values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        context.step()
        yield value


@pass_context
def _concat(context: Bounded, values: Sequence[Any]) -> str:
    return "".join(context.wrote(text_of(value)) for value in values)


@pass_context
def _join(context: Bounded, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    if attribute is not None:
        value = (context.environment.getitem(item, attribute) for item in value)
    parts = [context.wrote(text_of(item)) for item in value]
    context.wrote(str(d) * min(len(parts), MAX_NUMBER))
    return str(d).join(parts)


def _replace(value: Any, old: str, new: str, count: int = -1) -> str:
    text = text_of(value)
    _check_replace(text, str(old), str(new))
    return text.replace(str(old), str(new), -1 if count is None else count)


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, refusing giant arguments before it multiplies them."""
    sized = name in _SIZED

    @functools.wraps(function)
    def guard(*args: Any, **kwargs: Any) -> Any:
        for number in (*args[1:], *kwargs.values()) if sized else ():
            _check_number(number)
        for value in args:
            if isinstance(value, (dict, list, tuple)):
                plain_size(value)
        if name == "format":
            _check_format(str(args[0]))
        return function(*args, **kwargs)

    return guard


def plain_size(value: Any) -> None:
    """Refuse a value that is giant because its parts are shared; undefined parts are the filter's affair.

    Raises:
        Mistake: it has more than ``MAX_VALUES`` values.
    """
    left = MAX_VALUES
    open_values = [value]
    while open_values:
        current = open_values.pop()
        children = current.values() if isinstance(current, dict) else current
        left -= len(children)
        if left < 0:
            raise Mistake(f"a filter is given more than {MAX_VALUES} values")
        open_values += [child for child in children if isinstance(child, (dict, list, tuple))]


def _check_number(value: Any) -> None:
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise Mistake(f"a width or count of more than {MAX_NUMBER}")


def _check_format(text: str) -> None:
    if _WIDE_FORMAT.search(text):
        raise Mistake("a format with a width that is very large, or is itself computed")


def _check_replace(text: str, old: str, new: str) -> None:
    times = text.count(old) if old else len(text) + 1
    _check_text(len(text) + times * len(new))


def _check_text(length: int) -> None:
    if length > MAX_TEXT:
        raise Mistake(f"the template makes more than {MAX_TEXT // 1024 // 1024} MiB of text")


def _check_method(owner: str | bytes, name: str, args: Sequence[Any]) -> None:
    if name == "replace" and isinstance(owner, str) and len(args) > 1:
        _check_replace(owner, str(args[0]), str(args[1]))
    elif name == "join" and args and isinstance(args[0], (list, tuple)):
        _check_text(sum(len(part) + len(owner) for part in args[0] if isinstance(part, str)))
    elif name not in ("format", "format_map", "replace"):
        for number in args:
            _check_number(number)


def _check_add(left: Any, right: Any) -> None:
    if isinstance(left, (str, list, tuple)) and isinstance(right, (str, list, tuple)):
        _check_length(left, len(left) + len(right))


def _check_multiply(left: Any, right: Any) -> None:
    for value, times in ((left, right), (right, left)):
        if isinstance(value, (str, bytes, list, tuple)) and isinstance(times, int):
            _check_length(value, len(value) * times)
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length())


def _check_length(value: Any, length: int) -> None:
    if isinstance(value, (str, bytes)):
        _check_text(length)
    elif length > MAX_VALUES:
        raise Mistake(f"the template makes a list of more than {MAX_VALUES} values")


def _check_power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int) and right > 0:
        _check_bits(left.bit_length() * right)


def _check_bits(bits: int) -> None:
    if bits > MAX_BITS:
        raise Mistake("the template makes a number of more than a thousand digits")


def _check_percent(left: Any, right: Any) -> None:
    if isinstance(left, str):
        _check_format(left)


_BINOP_CHECKS: Mapping[str, Callable[[Any, Any], None]] = {
    "+": _check_add,
    "*": _check_multiply,
    "**": _check_power,
    "%": _check_percent,
}
