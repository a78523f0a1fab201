"""``StrEnum`` and ``assert_never`` for Python 3.10, which has neither."""

from __future__ import annotations

from enum import Enum
from typing import NoReturn


class StrEnum(str, Enum):
    """An enum whose members are strings: they compare, print and serialize as their values."""

    def __str__(self) -> str:
        return str(self.value)


def assert_never(value: NoReturn) -> NoReturn:
    """The last case of an exhaustive ``match``: the type checker fails where a case is missing."""
    raise AssertionError(f"not covered: {value!r}")
