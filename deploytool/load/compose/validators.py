"""Validators of values in a Compose file: each gives the value in normalized form.

A ``Validator`` takes a rendered value and its ``Spot``, and gives the value as all later code may expect it:
numbers as numbers, text as text, lists where one item may stand alone. A value that does not fit becomes a
problem and ``INVALID``. Templates and ``${}`` only make text, so text that reads as a number or as true and
false is taken for one where one is wanted, as Compose does.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from deploytool.errors import Place
from deploytool.load.templates.placeholders import BROKEN
from deploytool.load.text.located import Raw
from deploytool.load.text.plain_scalars import float_text
from deploytool.load.text.problems import Problems, near
from deploytool.load.text.units import duration_text, parse_bytes, parse_duration
from deploytool.load.text.yaml_file import place_of

INVALID = object()

Valid: TypeAlias = Any
"""A value in normalized form, or ``INVALID``."""


@dataclass(frozen=True, slots=True)
class Spot:
    """The position of a value: its place, its name in messages, and the list of problems."""

    place: Place
    name: str
    problems: Problems

    def wrong(self, message: str, hint: str = "") -> Raw:
        """Note that ``'name' message``; gives ``INVALID`` to return."""
        self.problems.add(self.place, f"'{self.name}' {message}", hint)
        return INVALID

    def inside(self, container: Raw, key: Raw, name: str | None = None) -> Spot:
        """The spot of ``container[key]``; it keeps this name where the key is no name of its own.

        A value whose template failed has its problem already: further ones are dropped.
        """
        own = str(key) if isinstance(key, str) else self.name
        problems = Problems() if container[key] is BROKEN else self.problems
        return Spot(place_of(container, key, self.place), own if name is None else name, problems)


Validator = Callable[[Raw, Spot], Valid]


def kind_of(value: Raw) -> str:
    """The kind of a value in words: ``a number``, ``a list``."""
    kinds = ((bool, "true or false"), (int, "a number"), (float, "a number"), (str, "text"))
    kinds_of_many = ((Mapping, "a mapping"), (list, "a list"))
    known: Iterable[tuple[Raw, str]] = (*kinds, *kinds_of_many)
    return next((kind for type_, kind in known if isinstance(value, type_)), type(value).__name__)


def anything(value: Raw, spot: Spot) -> Valid:
    """Any value as it is."""
    return INVALID if value is BROKEN else value


def text(value: Raw, spot: Spot) -> Valid:
    """Text; numbers count as the text that stands for them."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return spot.wrong(f"has to be text, not {kind_of(value)}")
    return scalar_text(value, spot)


def scalar_text(value: Raw, spot: Spot) -> Valid:
    """Raw scalar as the text that stands for it; null is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, float):
        return (
            float_text(value)
            if math.isfinite(value)
            else spot.wrong("has to be text, not a number without end")
        )
    if not isinstance(value, (str, int, datetime.date)):
        return spot.wrong(f"has to be text, not {kind_of(value)}")
    return _clean(value if isinstance(value, str) else str(value), spot)  # text keeps its place


def _clean(value: str, spot: Spot) -> Valid:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value if character > "\ud7ff"):
        return spot.wrong("holds a character that no file can hold")
    return value


def non_empty(value: Raw, spot: Spot) -> Valid:
    """Text that is not empty."""
    result = text(value, spot)
    return result if result is INVALID or result.strip() else spot.wrong("is empty")


def flag(value: Raw, spot: Spot) -> Valid:
    """True or false; ``yes``, ``on`` and ``1`` as text count as true."""
    if isinstance(value, bool):
        return value
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    found = words.get(value.strip().lower()) if isinstance(value, str) else None
    return spot.wrong("has to be true or false") if found is None else found


def integer(value: Raw, spot: Spot) -> Valid:
    """A whole number of 64 bits."""
    number_found = _number(value)
    if number_found is None or number_found != int(number_found) or abs(number_found) >= 2**63:
        return spot.wrong(f"has to be a whole number, not {_shown(value)}")
    return int(number_found)


def count(value: Raw, spot: Spot) -> Valid:
    """A whole number that is not negative."""
    result = integer(value, spot)
    return spot.wrong(f"cannot be {result}") if result is not INVALID and result < 0 else result


def number(value: Raw, spot: Spot) -> Valid:
    """A finite number."""
    result = _number(value)
    return spot.wrong(f"has to be a number, not {_shown(value)}") if result is None else result


def amount(value: Raw, spot: Spot) -> Valid:
    """A number that is not negative."""
    result = number(value, spot)
    return spot.wrong(f"cannot be {_shown(value)}") if result is not INVALID and result < 0 else result


def _number(value: Raw) -> float | int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        result = float(value) if isinstance(value, (str, float)) else math.nan
    except ValueError:
        return None
    return result if math.isfinite(result) else None


def _shown(value: Raw) -> str:
    return f"'{value!s:.40}'" if isinstance(value, (str, int, float)) else kind_of(value)


def size(value: Raw, spot: Spot) -> Valid:
    """An amount of memory, in bytes."""
    try:
        return parse_bytes(value)
    except ValueError:
        return spot.wrong(f"is no amount of memory: {_shown(value)}", "write bytes, or 512M, or 2g")


def size_or_unlimited(value: Raw, spot: Spot) -> Valid:
    """An amount of memory in bytes; -1 is no limit."""
    return -1 if str(value) == "-1" else size(value, spot)


def duration(value: Raw, spot: Spot) -> Valid:
    """A duration, as text in seconds: ``90s``."""
    try:
        return duration_text(parse_duration(value))
    except ValueError as error:
        return spot.wrong(
            f"is no duration: {_shown(value)}" if "no duration" in str(error) else str(error), _DURATIONS
        )


_DURATIONS = "write it with its units: 90s, 1m30s, 500ms"


def one_of(*words: str) -> Validator:
    """One of some words."""

    def validate(value: Raw, spot: Spot) -> Valid:
        result = text(value, spot)
        if result is INVALID or result in words:
            return result
        return spot.wrong(f"cannot be '{result}'", near(result, words) or f"it is one of {', '.join(words)}")

    return validate


def list_of(item: Validator, *, or_one: bool = False) -> Validator:
    """A list; with ``or_one``, a single item stands for a list of one."""

    def validate(value: Raw, spot: Spot) -> Valid:
        if not isinstance(value, list):
            if not or_one or isinstance(value, dict):
                return spot.wrong(f"has to be a list, not {kind_of(value)}")
            result = item(value, spot)
            return INVALID if result is INVALID else [result]
        items = (item(entry, spot.inside(value, index)) for index, entry in enumerate(value))
        return [entry for entry in items if entry is not INVALID]

    return validate


def map_of(item: Validator) -> Validator:
    """A mapping whose values are all validated by ``item``."""

    def validate(value: Raw, spot: Spot) -> Valid:
        if not isinstance(value, dict):
            return spot.wrong(f"has to be a mapping, not {kind_of(value)}")
        items = ((str(key), item(entry, spot.inside(value, key))) for key, entry in value.items())
        return {key: entry for key, entry in items if entry is not INVALID}

    return validate


def either(mapping: Validator, other: Validator) -> Validator:
    """One validator for mappings and another for the rest."""

    def validate(value: Raw, spot: Spot) -> Valid:
        return (mapping if isinstance(value, dict) else other)(value, spot)

    return validate


def pairs(value: Raw, spot: Spot) -> Valid:
    """``labels`` and the like, as a mapping or as a list of ``name=value``; normalized: a mapping of text."""
    if isinstance(value, list):
        return _pairs_of(value, spot)
    return map_of(scalar_text)(value, spot)


def _pairs_of(entries: list[Raw], spot: Spot) -> Valid:
    result = {}
    for index, entry in enumerate(entries):
        line = text(entry, spot.inside(entries, index))
        if line is not INVALID:
            key, _, item = line.partition("=")
            result[key] = item
    return result


def variables(value: Raw, spot: Spot) -> Valid:
    """``environment``: as ``pairs``, but a name without a value is None: its value is the user's own."""
    if isinstance(value, list):
        result = _pairs_of(value, spot)
        bare = {entry for entry in value if isinstance(entry, str) and "=" not in entry}
        return {key: None if key in bare else item for key, item in result.items()}
    if not isinstance(value, dict):
        return spot.wrong(f"has to be a mapping or a list of NAME=value, not {kind_of(value)}")
    kept = {
        key: None if item is None else scalar_text(item, spot.inside(value, key))
        for key, item in value.items()
    }
    return {str(key): item for key, item in kept.items() if item is not INVALID}
