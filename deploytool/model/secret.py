"""Secrets: values that are never displayed."""

from __future__ import annotations


class Secret:
    """A string that is redacted in logs, plans, diffs and tracebacks; ``reveal`` returns it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for a password prompt or a file on a host; never for argv or a message."""
        return self._value

    def __repr__(self) -> str:
        return "[REDACTED]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)
