"""``web[01:10:2].example.com:2222`` → the names and the port. Pure text; nothing is read here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from string import ascii_letters

from deploytool.model.address import split_port

MAX_HOSTS = 100_000

_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


def expand_host(text: str) -> tuple[Sequence[str], int | None]:
    """The names that a host entry stands for, in order, and the port of all of them.

    Ranges are inclusive, numeric (zero-padded where the first number is) or of single letters, several
    in a name. Text that is no host with a port is a name as it stands.

    Raises:
        ValueError: a sentence, for a range that is malformed, empty, or larger than ``MAX_HOSTS``.
    """
    host, port = split_port(text) or (text, None)
    if "[" not in host and "]" not in host:
        return [host], port
    literals, ranges = _split(host)
    if prod(len(values) for values in ranges) > MAX_HOSTS:
        raise ValueError(f"'{text}' stands for more than {MAX_HOSTS} hosts")
    return list(_join(literals, ranges)), port


def _split(host: str) -> tuple[list[str], list[Sequence[str]]]:
    parts = _BRACKETS.split(host)
    literals, bodies = parts[0::2], parts[1::2]
    if any("[" in literal or "]" in literal for literal in literals):
        raise ValueError(f"'{host}' has a bracket without its other half")
    return literals, [_values(body) for body in bodies]


def _join(literals: Sequence[str], ranges: Sequence[Sequence[str]]) -> Iterator[str]:
    for values in product(*ranges):
        yield literals[0] + "".join(
            value + literal for value, literal in zip(values, literals[1:], strict=True)
        )


def _values(body: str) -> Sequence[str]:
    """The values of a range between brackets: ``1:10``, ``01:10:2``, ``a:f``, ``:5``."""
    bounds = body.split(":")
    if len(bounds) not in (2, 3):
        raise ValueError(f"range '[{body}]' is not [begin:end] or [begin:end:step]")
    first, last = bounds[0] or "0", bounds[1]
    step = _number(bounds[2], body) if len(bounds) == 3 else 1
    if step < 1:
        raise ValueError(f"range '[{body}]' has a step of 0")
    if len(first) == len(last) == 1 and first in ascii_letters and last in ascii_letters:
        values: Sequence[str] = ascii_letters[
            ascii_letters.index(first) : ascii_letters.index(last) + 1 : step
        ]
    else:
        values = _numbers(first, last, step, body)
    if not values:
        raise ValueError(f"range '[{body}]' ends before it begins")
    return values


def _numbers(first: str, last: str, step: int, body: str) -> Sequence[str]:
    begin, end = _number(first, body), _number(last, body)
    padded = first.startswith("0") and len(first) > 1
    if padded and len(first) != len(last):
        raise ValueError(f"range '[{body}]' begins and ends with numbers of different length")
    numbers = range(begin, end + 1, step)
    if len(numbers) > MAX_HOSTS:
        raise ValueError(f"range '[{body}]' stands for more than {MAX_HOSTS} hosts")
    return [str(number).zfill(len(first) if padded else 0) for number in numbers]


def _number(text: str, body: str) -> int:
    if not re.fullmatch(r"\s*[-+]?[0-9]{1,18}\s*", text):
        raise ValueError(f"range '[{body}]' is neither of numbers nor of single letters")
    return int(text)
