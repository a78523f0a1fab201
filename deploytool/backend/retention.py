"""How long a host remembers the releases of a project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Records:
    """The numbers of the releases on record on a host.

    ``defined`` came with a definition, ``bare`` without: attempts that failed, and releases of which nothing
    was to run there.
    """

    defined: tuple[int, ...] = ()
    bare: tuple[int, ...] = ()

    @property
    def latest(self) -> int:
        """The highest number; 0 where there is none."""
        return max((*self.defined, *self.bare), default=0)

    def to_drop(self, *, number: int, defined: bool, keep: int, current: int) -> tuple[int, ...]:
        """What goes when ``number`` comes: all but the newest ``keep`` of each sort, and the current one."""
        others = Records(_without(self.defined, number), _without(self.bare, number))
        kept = {number, current}
        old = (
            *_older(others.defined, keep - defined),
            *_older(others.bare, keep - (not defined)),
        )
        return tuple(sorted(set(old) - kept))


def _without(numbers: Sequence[int], number: int) -> tuple[int, ...]:
    return tuple(one for one in numbers if one != number)


def _older(numbers: Sequence[int], keep: int) -> Sequence[int]:
    """All but the newest ``keep``."""
    return sorted(numbers, reverse=True)[max(keep, 0) :]
