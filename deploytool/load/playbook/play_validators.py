"""Validators of values that only a play has: host patterns, batches, files of variables, tags."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deploytool.errors import Place
from deploytool.load.compose.validators import (
    INVALID,
    Spot,
    Valid,
    amount,
    duration,
    kind_of,
    list_of,
    map_of,
    scalar_text,
    text,
)
from deploytool.load.text.located import Raw
from deploytool.load.text.units import parse_duration
from deploytool.load.text.yaml_file import Map

_BATCH = re.compile(r"[1-9][0-9]{0,6}|[1-9][0-9]?(\.[0-9]+)?%|100%")

ORDERS = ("inventory", "reverse_inventory", "sorted", "reverse_sorted")
"""The values of ``order``: Ansible's, but for ``shuffle``, since the same files make the same plan."""


@dataclass(frozen=True, slots=True)
class VarsFileEntry:
    """An entry of ``vars_files``: the first of ``names`` that exists is read."""

    names: tuple[str, ...]
    place: Place


def host_pattern(value: Raw, spot: Spot) -> Valid:
    """A host pattern, or a list of them, as one pattern: a list is a union."""
    patterns = value if isinstance(value, list) else [value]
    if not patterns or not all(isinstance(pattern, str) and pattern for pattern in patterns):
        return spot.wrong("has to be a host pattern, or a list of them")
    return ",".join(patterns)


def tag_words(value: Raw, spot: Spot) -> Valid:
    """Tags as a set of words, from a list of them or from text with commas."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, (str, int)) for word in words):
        return spot.wrong("has to be a list of words")
    return frozenset(part.strip() for word in words for part in str(word).split(",") if part.strip())


def mapping_of_variables(value: Raw, spot: Spot) -> Valid:
    """A mapping as written: its values are rendered where a template asks for them."""
    return value if isinstance(value, Map) else spot.wrong(f"has to be a mapping, not {kind_of(value)}")


def vars_files(value: Raw, spot: Spot) -> Valid:
    """File names; a list within the list names alternatives. Entries that are none become problems."""
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, list):
        return spot.wrong(f"has to be a list of files, not {kind_of(value)}")
    spots = [spot.inside(entries, index) for index in range(len(entries))]
    found = [_vars_file(entry, inner) for entry, inner in zip(entries, spots, strict=True)]
    return tuple(entry for entry in found if entry is not INVALID)


def _vars_file(entry: Raw, spot: Spot) -> Valid:
    names = entry if isinstance(entry, list) else [entry]
    if not names or not all(isinstance(name, str) and name for name in names):
        return spot.wrong("has an entry that is no file name")
    return VarsFileEntry(tuple(names), spot.place)


def environment(value: Raw, spot: Spot) -> Valid:
    """A mapping of variables, or a list of mappings of which the later win."""
    layers = value if isinstance(value, list) else [value or {}]
    result: dict[str, str] = {}
    for layer in layers:
        valid = map_of(scalar_text)(layer, spot)
        result |= {} if valid is INVALID else valid
    return result


def compose_file(value: Raw, spot: Spot) -> Valid:
    """The path of a Compose file, relative to the playbook."""
    if isinstance(value, str) and value:
        return value
    return spot.wrong(f"has to be the path of a Compose file, not {kind_of(value)}")


def batches(value: Raw, spot: Spot) -> Valid:
    """Batch sizes as written: each a number of hosts or a percentage of them."""
    valid = list_of(_batch, or_one=True)(value, spot)
    return INVALID if valid is INVALID else tuple(valid)


def _batch(value: Raw, spot: Spot) -> Valid:
    batch = text(value, spot)
    if batch is INVALID or _BATCH.fullmatch(batch):
        return batch
    return spot.wrong(
        f"cannot be '{batch:.20}'", 'write a number of hosts, a percentage as in "50%", or a list'
    )


def seconds(value: Raw, spot: Spot) -> Valid:
    """A duration in seconds."""
    result = duration(value, spot)
    return INVALID if result is INVALID else parse_duration(result)


def percentage(value: Raw, spot: Spot) -> Valid:
    """A number from 0 to 100."""
    result = amount(value, spot)
    if result is not INVALID and result > 100:
        return spot.wrong("cannot be more than 100")
    return INVALID if result is INVALID else float(result)
