"""A log of all that is read while files become an intent: a saved plan compares it when it is carried out.

Readers are many and templates read files late, while a plan is made; they all call ``note``. It writes into
the record that ``begin`` began last in this context, and is harmless where there is none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from deploytool.model.inputs import ENVIRONMENT, FILE, Input

_NOT_SET = b"\0not set"


class InputRecord:
    """All inputs read so far, each once, with the hash of its content."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], str] = {}

    def add(self, kind: str, name: str, content: bytes) -> None:
        self._found[kind, name] = hashlib.sha256(content).hexdigest()

    @property
    def inputs(self) -> tuple[Input, ...]:
        """All of it, sorted by kind and name."""
        return tuple(sorted(Input(kind, name, digest) for (kind, name), digest in self._found.items()))


_record: ContextVar[InputRecord | None] = ContextVar("record", default=None)


def begin() -> None:
    """Begin an empty record; the one before it is forgotten."""
    _record.set(InputRecord())


def noted_so_far() -> tuple[Input, ...]:
    """The inputs in the record of this context; none where no record was begun."""
    record = _record.get()
    return record.inputs if record else ()


def note(kind: str, name: str, content: bytes) -> None:
    """Add an input to the record of this context. ``content`` itself is not kept."""
    record = _record.get()
    if record:
        record.add(kind, name, content)


def note_file(path: Path, content: bytes) -> None:
    """Add a file. Files below the working directory are named from there: a plan may be used elsewhere."""
    whole = path.expanduser().absolute()
    here = Path.cwd()
    note(FILE, str(whole.relative_to(here) if whole.is_relative_to(here) else whole), content)


class NotedEnviron(dict[str, str]):
    """The process's environment, which logs each variable that is looked up."""

    def __contains__(self, name: object) -> bool:
        known = super().__contains__(name)
        if isinstance(name, str):
            value = super().__getitem__(name).encode("utf-8", "surrogateescape") if known else _NOT_SET
            note(ENVIRONMENT, name, value)
        return known

    def __getitem__(self, name: str) -> str:
        if name not in self:
            raise KeyError(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 - this is the body of get itself


def noted(environ: Mapping[str, str]) -> NotedEnviron:
    """A copy of ``environ`` that logs each variable that is looked up."""
    return NotedEnviron(environ)
