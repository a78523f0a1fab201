"""The rows of a play's table of keys, and the stages at which keys are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from deploytool.load.compose.keys import Key, State
from deploytool.load.compose.validators import Validator

T = TypeVar("T")


class Stage(Enum):
    """The moment at which a key is read, in order: later templates know more variables."""

    SELECTION = auto()  # as written, to see whether the play runs at all
    AS_WRITTEN = auto()  # not rendered here: its strings are rendered where they are used
    VARS_FILES = auto()  # with the play's vars
    HOSTS = auto()  # … and its vars_files
    SETTINGS = auto()  # … and the names of its hosts
    ENVIRONMENT = auto()  # … and the names of variables that differ from host to host: to use one is an error


@dataclass(frozen=True, slots=True)
class PlayKey(Generic[T]):
    """A row: an honoured key whose valid value is a ``T``.

    ``example`` is YAML, and stands in playbooks/example.yaml. ``gives_way_to`` are the inventory variables
    that win over the key. ``keys`` are those of the mapping below it.
    """

    name: str
    stage: Stage
    validator: Validator
    default: T
    example: str
    sentence: str
    gives_way_to: tuple[str, ...] = ()
    keys: Mapping[str, Key] = field(default_factory=dict)

    state = State.HONOURED


@dataclass(frozen=True, slots=True)
class RefusedKey:
    """A row: a key that Ansible has and that cannot be honoured. ``sentence`` is the reason."""

    name: str
    sentence: str
    hint: str

    state = State.REFUSED


class PlayKeyTable(Mapping[str, "PlayKey[Any] | RefusedKey"]):
    """All rows by the name of their key."""

    def __init__(self) -> None:
        self._rows: dict[str, PlayKey[Any] | RefusedKey] = {}

    def honoured(
        self,
        name: str,
        validator: Validator,
        default: T,
        example: str,
        sentence: str,
        *,
        stage: Stage = Stage.SETTINGS,
        gives_way_to: tuple[str, ...] = (),
        keys: Mapping[str, Key] | None = None,
    ) -> PlayKey[T]:
        """Add a row, and give it to the code that asks for its value."""
        row = PlayKey(name, stage, validator, default, example, sentence, gives_way_to, keys or {})
        self._rows[name] = row
        return row

    def refused(self, names: str, sentence: str, hint: str) -> None:
        """Add a row for each of ``names``, words that share a reason."""
        self._rows.update((name, RefusedKey(name, sentence, hint)) for name in names.split())

    def of_stage(self, stage: Stage) -> Iterator[PlayKey[Any]]:
        """The honoured keys that are read at ``stage``."""
        return (row for row in self._rows.values() if isinstance(row, PlayKey) and row.stage is stage)

    def __getitem__(self, name: str) -> PlayKey[Any] | RefusedKey:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
