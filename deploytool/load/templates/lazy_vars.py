"""Variables that are rendered when they are looked up, as Ansible does it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from deploytool.errors import Place
from deploytool.load.templates.template import Templates
from deploytool.load.text.located import Raw, Variables
from deploytool.load.text.problems import Mistake, input_error
from deploytool.load.text.yaml_file import Map


class LazyVars(Variables):
    """Variables that are rendered when they are looked up, and then remembered.

    ``magic`` names win over ``variables`` and are given as they are; one whose value is a ``Mistake``
    cannot be used here, and the mistake says why.
    """

    def __init__(self, templates: Templates, variables: Variables, magic: Variables | None = None) -> None:
        self.templates = templates
        self.variables = variables
        self.magic = magic or {}
        self._known: dict[str, Raw] = {}
        self._open: set[tuple[int, str]] = set()

    def __getitem__(self, name: str) -> Raw:
        if name in self.magic:
            return _or_raise(self.magic[name])
        if name not in self._known:
            self._known[name] = self._rendered(name)
        return self._known[name]

    def _rendered(self, name: str) -> Raw:
        value = self.variables[name]
        place = self.place_of(name)
        mark = (threading.get_ident(), name)
        if mark in self._open:
            raise input_error(place, f"the variable '{name}' refers to itself")
        self._open.add(mark)
        try:
            return self.templates.render(value, self, place)
        finally:
            self._open.discard(mark)

    def place_of(self, name: str) -> Place:
        """The place of a variable; an empty one where it has none."""
        value = self.variables.get(name)
        at = getattr(value, "place", None)
        if at is None and isinstance(self.variables, Map):
            at = self.variables.place_of(name)
        return at or Place("")

    def __contains__(self, name: object) -> bool:
        return name in self.magic or name in self.variables

    def __iter__(self) -> Iterator[str]:
        yield from self.magic
        yield from (name for name in self.variables if name not in self.magic)

    def __len__(self) -> int:
        return len({*self.magic, *self.variables})


def _or_raise(value: Raw) -> Raw:
    if isinstance(value, Mistake):
        # Never the one that is kept: each raise adds its frames to it, and with them all that was loaded.
        raise Mistake(str(value), value.hint)
    return value
