"""The state of a key of a file, and the validator of a mapping with known keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from deploytool.errors import Place
from deploytool.load.compose.validators import INVALID, Spot, Valid, Validator, anything, kind_of
from deploytool.load.text.located import Raw
from deploytool.load.text.problems import near_key
from deploytool.load.text.yaml_file import Map, place_of

Normalized: TypeAlias = Mapping[str, Any]
"""A mapping in normalized form: a service, or a section of one."""


class State(str, Enum):
    """The treatment of a key."""

    HONOURED = "honoured"
    PASSED = "passed through"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the Compose specification. ``note`` says how it is honoured, or why it is refused.

    ``keys`` are those of the mapping below it, where it is one.
    """

    state: State
    validator: Validator = anything
    note: str = ""
    hint: str = ""
    keys: Mapping[str, Key] | None = None


def section(keys: Mapping[str, Key]) -> Validator:
    """A mapping with known keys. ``x-`` keys are left out, null counts as not written."""

    def validate(value: Raw, spot: Spot) -> Valid:
        if not isinstance(value, dict):
            return spot.wrong(f"has to be a mapping, not {kind_of(value)}")
        result = Map(spot.place)
        for key, item in value.items():
            known = _known(keys, value, key, spot)
            if known is None or item is None:
                continue
            read = known.validator(item, spot.inside(value, key))
            if read is not INVALID:
                result[key] = read
                result.keys_at[key] = key_place(value, key, spot.place)
                result.values_at[key] = place_of(value, key, spot.place)
        return result

    return validate


def honoured(validator: Validator, note: str = "", keys: Mapping[str, Key] | None = None) -> Key:
    """A key that the tool acts on."""
    return Key(State.HONOURED, validator, note, keys=keys)


def passed(validator: Validator, note: str = "", keys: Mapping[str, Key] | None = None) -> Key:
    """A key that Compose on the host acts on."""
    return Key(State.PASSED, validator, note, keys=keys)


def refused(note: str, hint: str = "") -> Key:
    """A key that is an error, with the reason and a way out."""
    return Key(State.REFUSED, note=note, hint=hint)


def within(keys: Mapping[str, Key], note: str = "") -> Key:
    """A key that holds a mapping with known keys."""
    return honoured(section(keys), note, keys)


def _known(keys: Mapping[str, Key], value: Raw, key: str, spot: Spot) -> Key | None:
    known = keys.get(key)
    if known is None and key.startswith("x-"):
        return None
    place = key_place(value, key, spot.place)
    if known is None:
        spot.problems.add(
            place, f"unknown key '{key}' in {spot.name}", _below(key, keys) or near_key(key, keys)
        )
        return None
    if known.state is State.REFUSED:
        spot.problems.add(place, f"'{key}' is not supported: {known.note}", known.hint)
        return None
    return known


_FORGOTTEN = ("deploy", "healthcheck")


def _below(key: str, keys: Mapping[str, Key]) -> str:
    """A hint where the key belongs one level down, as ``replicas`` under ``deploy``."""
    sections = ((name, keys[name].keys or {}) for name in _FORGOTTEN if name in keys)
    return next((f"write it under '{name}'" for name, known in sections if key in known), "")


def key_place(container: Raw, key: str, default: Place) -> Place:
    """The place of a key of ``container``; ``default`` for containers without places."""
    return container.key_place(key) if isinstance(container, Map) else default
