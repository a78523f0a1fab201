"""The variables of one host that have a meaning here, each read with its type; wrong ones become problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from deploytool.errors import InputError, Place
from deploytool.load.templates.placeholders import OMIT
from deploytool.load.text.located import Raw, Variables
from deploytool.load.text.problems import Problems

T = TypeVar("T")

_TRUE = ("yes", "true", "on", "y", "t", "1", "1.0")
_FALSE = ("no", "false", "off", "n", "f", "0", "0.0")


class TypedVars:
    """The rendered variables of a host. A variable that is null or empty counts as not set.

    Where a setting has several names, the first one that is set wins.
    """

    def __init__(self, variables: Variables, problems: Problems) -> None:
        self._variables = variables
        self.problems = problems

    def place(self, name: str) -> Place:
        """The place of a variable."""
        place_of: Callable[[str], Place] | None = getattr(self._variables, "place_of", None)
        return place_of(name) if place_of else Place("")

    def value(self, *names: str) -> tuple[str, Raw]:
        """The first name that is set, and its value; an empty name where none is."""
        for name in names:
            if name in self._variables:
                try:
                    value = self._variables[name]
                except InputError as error:
                    self.problems.extend(error)
                    continue
                if value is not None and value != "" and value is not OMIT:
                    return name, value
        return "", None

    def wrong(self, name: str, message: str, hint: str = "") -> None:
        """Report ``name message`` at the place of the variable."""
        self.problems.add(self.place(name), f"{name} {message}", hint)

    def parsed(self, parse: Callable[[Raw], T], *names: str, hint: str = "") -> T | None:
        """The value as ``parse`` understands it; a ``ValueError`` of it becomes a problem."""
        name, value = self.value(*names)
        if not name:
            return None
        try:
            return parse(value)
        except ValueError as error:
            self.wrong(name, str(error), hint)
            return None

    def text(self, *names: str, hint: str = "") -> str | None:
        """The value as text on one line."""
        return self.parsed(_text, *names, hint=hint)

    def flag(self, *names: str) -> bool | None:
        """The value as true or false, in all of Ansible's spellings."""
        return self.parsed(_flag, *names, hint="write true or false")


def _text(value: Raw) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"is not a string but {value!r:.40}")
    if any(character in str(value) for character in "\0\r\n"):
        raise ValueError("holds a line break or a NUL")
    return str(value)


def _flag(value: Raw) -> bool:
    word = str(value).strip().lower()
    if word not in _TRUE + _FALSE or isinstance(value, (list, dict)):
        raise ValueError(f"is {value!r:.40}, neither true nor false")
    return word in _TRUE
