"""Limits of what a template makes: characters of text, number of values, size of numbers.

A limit is checked before the memory is taken, so that a bomb is an error and never a dead machine.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, TypeAlias

from jinja2 import Undefined

from deploytool.load.text.problems import Mistake

Data: TypeAlias = Any
"""A value in a template: those of YAML, and Jinja's own, as an iterator or an undefined value."""

MAX_TEXT = 8 * 1024 * 1024  # characters that one template may make
MAX_VALUES = 500_000  # values in one result, shared ones counted each time
MAX_NUMBER = 100_000  # as a width, an indentation, a repetition of a filter or method
MAX_BITS = 4096  # of an integer
_WIDE_FORMAT = re.compile(r"\d{6,}|\*|\{[^{}]*\{")


def defined(value: Data) -> Data:
    """The value. Raises UndefinedError where it is undefined."""
    if isinstance(value, Undefined):
        str(value)  # strict: raises, and names it
    return value


def plain(value: Data) -> Data:
    """A template's result as YAML could have said it: lists for iterators, no undefined parts, bounded.

    Raises:
        Mistake: more than ``MAX_VALUES`` values, or a value that no file could hold.
        UndefinedError: a part is undefined.
    """
    return _plain(value, [MAX_VALUES], 0)


def _plain(value: Data, left: list[int], depth: int) -> Data:
    left[0] -= 1
    if left[0] < 0 or depth > 64:
        raise Mistake(f"the template makes more than {MAX_VALUES} values, or nests them too deep")
    defined(value)
    if value is None or isinstance(value, (str, bool, int, float, datetime.date)):
        return value
    if isinstance(value, Mapping):
        mapping = {str(key): _plain(item, left, depth + 1) for key, item in value.items()}
        return value if isinstance(value, dict) and _same(mapping.values(), value.values()) else mapping
    if isinstance(value, (Sequence, Set, Iterator)) and not isinstance(value, bytes):
        items = [_plain(item, left, depth + 1) for item in value]
        return value if isinstance(value, list) and _same(items, value) else items
    raise Mistake(f"the template gives a {type(value).__name__}, which is no text, number, list or mapping")


def _same(new: Iterable[Data], old: Iterable[Data]) -> bool:
    return all(one is other for one, other in zip(new, old, strict=True))


def text_of(value: Data) -> str:
    """The text of a value among other text."""
    return value if isinstance(value, str) else str(plain(value))


def check_size(value: Data) -> None:
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


def check_number(value: Data) -> None:
    """Raise ``Mistake`` for a width or count beyond ``MAX_NUMBER``."""
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise Mistake(f"a width or count of more than {MAX_NUMBER}")


def check_format(text: str) -> None:
    """Raise ``Mistake`` for a format string with a very large or computed width."""
    if _WIDE_FORMAT.search(text):
        raise Mistake("a format with a width that is very large, or is itself computed")


def check_replace(text: str, old: str, new: str) -> None:
    """Raise ``Mistake`` where a replacement makes more than ``MAX_TEXT`` characters."""
    times = text.count(old) if old else len(text) + 1
    check_text(len(text) + times * len(new))


def check_text(length: int) -> None:
    """Raise ``Mistake`` for more than ``MAX_TEXT`` characters."""
    if length > MAX_TEXT:
        raise Mistake(f"the template makes more than {MAX_TEXT // 1024 // 1024} MiB of text")


def check_method(owner: str | bytes, name: str, args: Sequence[Data]) -> None:
    """Raise ``Mistake`` where a method of a string, called with ``args``, makes too much text."""
    if name == "replace" and isinstance(owner, str) and len(args) > 1:
        check_replace(owner, str(args[0]), str(args[1]))
    elif name == "join" and args and isinstance(args[0], (list, tuple)):
        check_text(sum(len(part) + len(owner) for part in args[0] if isinstance(part, str)))
    elif name not in ("format", "format_map", "replace"):
        for number in args:
            check_number(number)


def _check_add(left: Data, right: Data) -> None:
    if isinstance(left, (str, list, tuple)) and isinstance(right, (str, list, tuple)):
        _check_length(left, len(left) + len(right))


def _check_multiply(left: Data, right: Data) -> None:
    for value, times in ((left, right), (right, left)):
        if isinstance(value, (str, bytes, list, tuple)) and isinstance(times, int):
            _check_length(value, len(value) * times)
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length())


def _check_length(value: Data, length: int) -> None:
    if isinstance(value, (str, bytes)):
        check_text(length)
    elif length > MAX_VALUES:
        raise Mistake(f"the template makes a list of more than {MAX_VALUES} values")


def _check_power(left: Data, right: Data) -> None:
    if isinstance(left, int) and isinstance(right, int) and right > 0:
        _check_bits(left.bit_length() * right)


def _check_bits(bits: int) -> None:
    if bits > MAX_BITS:
        raise Mistake("the template makes a number of more than a thousand digits")


def _check_percent(left: Data, right: Data) -> None:
    if isinstance(left, str):
        check_format(left)


CHECKS: Mapping[str, Callable[[Data, Data], None]] = {
    "+": _check_add,
    "*": _check_multiply,
    "**": _check_power,
    "%": _check_percent,
}
