"""The difference between a host's current definition and the planned one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """The definition of one project on one host, ``before`` and ``after``, as YAML with secrets masked.

    Each is empty where there is no definition. Where they are equal, ``note`` has the reason.
    ``release``: the number of the release of ``before``, 0 where none is on record.
    """

    project: str
    host: str
    before: str = ""
    after: str = ""
    release: int = 0
    note: str = ""
