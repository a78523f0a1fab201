"""Located values: dicts, lists and strings with the ``place`` where they were written: file, line, column.

Other scalars are plain: ask the mapping or list around them with ``place_of``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from deploytool.errors import Place

Raw: TypeAlias = Any
"""A value as a file has it: ``Map``, ``Seq``, ``Str``, a number, a date, a boolean, None."""

Variables: TypeAlias = Mapping[str, Any]
"""Variables by name, as written or rendered."""


class Str(str):
    """A string with its place. ``vault`` marks a ``!vault`` value that is not decrypted yet."""

    __slots__ = ("place", "unsafe", "vault")
    place: Place
    vault: bool
    unsafe: bool

    @classmethod
    def at(cls, value: str, place: Place, *, vault: bool = False, unsafe: bool = False) -> Str:
        """The string ``value``, written at ``place``."""
        text = cls(value)
        text.place, text.vault, text.unsafe = place, vault, unsafe
        return text


class Map(dict[str, Raw]):
    """A mapping with its place and the places of its keys and values."""

    __slots__ = ("keys_at", "place", "values_at")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.keys_at: dict[str, Place] = {}
        self.values_at: dict[str, Place] = {}

    def put(self, key: str, value: Raw, place: Place) -> None:
        """Set a value that was written at ``place``."""
        self[key] = value
        self.keys_at[key] = self.values_at[key] = place

    def overlay(self, other: Mapping[str, Raw]) -> None:
        """Set all keys of another mapping, with their places."""
        self.update(other)
        if isinstance(other, Map):
            self.keys_at.update(other.keys_at)
            self.values_at.update(other.values_at)

    def key_place(self, key: str) -> Place:
        return self.keys_at.get(key, self.place)

    def place_of(self, key: str) -> Place:
        return self.values_at.get(key, self.place)


class Seq(list[Raw]):
    """A list with its place and the places of its items."""

    __slots__ = ("items_at", "place")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.items_at: list[Place] = []

    def place_of(self, index: int) -> Place:
        return self.items_at[index] if index < len(self.items_at) else self.place


def place_of(container: Raw, key: Raw, default: Place) -> Place:
    """The place of ``container[key]``; ``default`` for containers without places."""
    return container.place_of(key) if isinstance(container, (Map, Seq)) else default
