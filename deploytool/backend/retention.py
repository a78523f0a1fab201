"""The retention of a project's releases on a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Records:
    """The numbers of the releases on record on a host.

    Those ``without_manifest`` are attempts that failed, and releases of which nothing was to run there.
    """

    with_manifest: tuple[int, ...] = ()
    without_manifest: tuple[int, ...] = ()

    @property
    def latest(self) -> int:
        """The highest number; 0 where there is none."""
        return max((*self.with_manifest, *self.without_manifest), default=0)

    def to_drop(self, number: int, *, keep: int, current: int, with_manifest: bool) -> tuple[int, ...]:
        """The numbers to delete when ``number`` is recorded: all but the newest ``keep`` of each sort.

        The release with the number ``current`` stays as well.
        """
        others = Records(_without(self.with_manifest, number), _without(self.without_manifest, number))
        kept = {number, current}
        old = (
            *_older(others.with_manifest, keep - with_manifest),
            *_older(others.without_manifest, keep - (not with_manifest)),
        )
        return tuple(sorted(set(old) - kept))


def _without(numbers: Sequence[int], number: int) -> tuple[int, ...]:
    return tuple(one for one in numbers if one != number)


def _older(numbers: Sequence[int], keep: int) -> Sequence[int]:
    """All but the newest ``keep``."""
    return sorted(numbers, reverse=True)[max(keep, 0) :]
