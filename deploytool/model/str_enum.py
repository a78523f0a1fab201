"""What Python 3.11 has and 3.10 has not: enums of words, and the end of a ``match`` that covers them all."""

from __future__ import annotations

from enum import Enum
from typing import NoReturn


class StrEnum(str, Enum):
    """Each member equals its word and prints as it, in JSON too."""

    def __str__(self) -> str:
        return str(self.value)


def assert_never(value: NoReturn) -> NoReturn:
    """For ``case _`` of a ``match``: the type checker complains where a case is missing."""
    raise AssertionError(f"not covered: {value!r}")
