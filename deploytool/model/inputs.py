"""What a plan was made from, besides the hosts: files, variables, what programs printed."""

from __future__ import annotations

from dataclasses import dataclass, field

FILE, VARIABLE, ENVIRONMENT, OUTPUT = "file", "variable", "environment", "output"


@dataclass(frozen=True, slots=True, order=True)
class Input:
    """One thing that was read. ``kind`` is one of the words above, ``name`` a path or the name of a variable.

    ``sha256`` is that of its content. Short contents can be tried against it, so it never leaves this process
    as it is: see ``plan.saved_plan``.
    """

    kind: str
    name: str
    sha256: str = field(repr=False)
