"""What a host's definition says now, and what it would say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """One project on one host. ``before`` and ``after`` are YAML that may be shown: nothing secret is in it.

    Both are empty where there is no definition, and equal where nothing can be shown; ``note`` says then why.
    ``release`` is the number that ``before`` has on record, 0 where it has none.
    """

    project: str
    host: str
    before: str = ""
    after: str = ""
    release: int = 0
    note: str = ""
