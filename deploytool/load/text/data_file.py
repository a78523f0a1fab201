"""Data files in YAML or JSON. JSON is read as JSON, as Ansible does, since the two differ.

``1e3`` is a number in JSON alone, and a pair of surrogates is one character.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from deploytool.errors import Place
from deploytool.load.text.located import Map, Raw, Seq, Str
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import MAX_DEPTH, Dialect, parse_yaml

_MARKS = ("__ansible_vault", "__ansible_unsafe")
MAX_JSON_SIGNS = 1_000_000  # commas and opening brackets, each at most one value's


def parse_data(text: str, name: str, problems: Problems) -> Raw:
    """The value in ``text``, with the place of each value, or of the file alone for JSON that is not YAML."""
    if not _is_json(text):
        return parse_yaml(text, name, problems)
    trial = Problems()
    value = parse_yaml(text, name, trial, Dialect.JSON)
    return parse_json(text, name, problems) if trial.found else value


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "[") or _is_giant(text):
        return False
    try:
        json.loads(text, object_pairs_hook=_dropped, parse_int=_dropped, parse_float=_dropped)
    except (ValueError, RecursionError):
        return False
    return True


def _is_giant(text: str) -> bool:
    """True where the text may hold more than ``MAX_JSON_SIGNS`` values: reading it would fill the memory."""
    return sum(text.count(sign) for sign in "[{,") > MAX_JSON_SIGNS


def _dropped(_value: Raw) -> None:
    """Drop a value: the text is only checked."""


def with_marks(value: Raw) -> Raw:
    """A value of ``parse_data`` in which Ansible's JSON marks have become the strings that they mark."""
    if isinstance(value, Map):
        if (text := _marked(value, value.place)) is not None:
            return text
        for key, item in value.items():
            value[key] = with_marks(item)
    elif isinstance(value, list):
        value[:] = [with_marks(item) for item in value]
    return value


def _marked(value: Mapping[str, Raw], place: Place) -> Str | None:
    """The string in ``{"__ansible_vault": "…"}`` or ``{"__ansible_unsafe": "…"}``; None for all else."""
    if len(value) != 1:
        return None
    ((key, text),) = value.items()
    if key not in _MARKS or not isinstance(text, str):
        return None
    return Str.at(text, place, vault=key == _MARKS[0], unsafe=key == _MARKS[1])


def parse_json(text: str, name: str, problems: Problems) -> Raw:
    """The JSON value in ``text``, with ``name`` as the place of all of it; None with a problem."""
    if _is_giant(text):
        problems.add(Place(name), f"more than {MAX_JSON_SIGNS} values")
        return None
    try:
        return _located(json.loads(text), Place(name), 0)
    except json.JSONDecodeError as error:
        problems.add(Place(name, error.lineno, error.colno), f"is not JSON: {error.msg.lower()}")
    except RecursionError:
        problems.add(Place(name), f"nested deeper than {MAX_DEPTH} levels")
    except ValueError as error:
        problems.add(Place(name), f"is not JSON: {error}")
    return None


def _located(value: Raw, place: Place, depth: int) -> Raw:
    """Plain JSON as values with a place; ``__ansible_vault`` and ``__ansible_unsafe`` become strings."""
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        if (text := _marked(value, place)) is not None:
            return text
        mapping = Map(place)
        for key, item in value.items():
            mapping.put(key, _located(item, place, depth + 1), place)
        return mapping
    if isinstance(value, list):
        items = Seq(place)
        items.extend(_located(item, place, depth + 1) for item in value)
        return items
    return Str.at(value, place) if isinstance(value, str) else value
