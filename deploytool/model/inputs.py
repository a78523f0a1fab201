"""The inputs of a plan besides the hosts: files, variables, and output of programs."""

from __future__ import annotations

from dataclasses import dataclass, field

FILE, VARIABLE, ENVIRONMENT, OUTPUT = "file", "variable", "environment", "output"


@dataclass(frozen=True, slots=True, order=True)
class Input:
    """One input. ``kind``: one of the constants above. ``name``: a path, a command, or a variable's name.

    ``sha256``: the hash of its content, in hex. Short contents can be guessed from it, so it never leaves the
    process unkeyed: see ``plan.saved_plan``.
    """

    kind: str
    name: str
    sha256: str = field(repr=False)
