"""Placeholders for values that are left out, or whose template failed."""

from __future__ import annotations


class _Placeholder:
    """A value that is known by its identity alone."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


OMIT = _Placeholder("omit")  # the variable ``omit``: a value set to it is left out
BROKEN = _Placeholder("broken")  # in the place of a string whose template failed
