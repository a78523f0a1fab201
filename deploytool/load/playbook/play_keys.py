"""The rows of the table of a play's keys, and a play read by such a table, stage by stage.

The table itself is in ``play_settings``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from deploytool.errors import InputError
from deploytool.load.compose.known_keys import Key, State
from deploytool.load.compose.section_schema import SECTIONS
from deploytool.load.compose.validators import INVALID, Spot, Validator
from deploytool.load.templates.lazy_vars import LazyVars
from deploytool.load.text.located import Raw
from deploytool.load.text.problems import Problems, near_key
from deploytool.load.text.yaml_file import Map

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
    that win over the key. ``keys`` are those of the mapping below it. ``required`` is the hint for a play
    that lacks the key, empty for a key that may be left out.
    """

    name: str
    stage: Stage
    validator: Validator
    default: T
    example: str
    note: str
    gives_way_to: tuple[str, ...] = ()
    keys: Mapping[str, Key] = field(default_factory=dict)
    required: str = ""

    state = State.HONOURED


@dataclass(frozen=True, slots=True)
class RefusedKey:
    """A row: a key that Ansible has and that cannot be honoured. ``note`` is the reason."""

    name: str
    note: str
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
        *,
        default: T,
        example: str,
        note: str,
        stage: Stage = Stage.SETTINGS,
        gives_way_to: tuple[str, ...] = (),
        keys: Mapping[str, Key] | None = None,
        required: str = "",
    ) -> PlayKey[T]:
        """Add a row, and give it to the code that asks for its value."""
        row = PlayKey(name, stage, validator, default, example, note, gives_way_to, keys or {}, required)
        self._rows[name] = row
        return row

    def refused(self, names: str, note: str, hint: str) -> None:
        """Add a row for each of ``names``, words that share a reason."""
        self._rows.update((name, RefusedKey(name, note, hint)) for name in names.split())

    def of_stage(self, stage: Stage) -> Iterator[PlayKey[Any]]:
        """The honoured keys that are read at ``stage``."""
        return (row for row in self._rows.values() if isinstance(row, PlayKey) and row.stage is stage)

    def required(self) -> Iterator[PlayKey[Any]]:
        """The keys that every play needs."""
        return (row for row in self._rows.values() if isinstance(row, PlayKey) and row.required)

    def __getitem__(self, name: str) -> PlayKey[Any] | RefusedKey:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class PlaySettings:
    """The values of a play's keys, as far as their stages have been read; defaults for keys left out."""

    def __init__(self, table: PlayKeyTable, play: Map, problems: Problems) -> None:
        self._table = table
        self.play = play
        self._problems = problems
        self._values: dict[str, Raw] = {}

    def __getitem__(self, key: PlayKey[T]) -> T:
        value: T = self._values.get(key.name, key.default)
        return value

    def read(self, stage: Stage, scope: LazyVars | None = None) -> None:
        """Read the keys of a stage. Without ``scope``, nothing is rendered. Wrong values become problems.

        Raises:
            InputError: a template of a key fails on which others depend: all but ``SETTINGS`` have such.
        """
        for key in self._table.of_stage(stage):
            try:
                value = self._value(key, scope)
            except InputError as error:
                if stage is not Stage.SETTINGS:
                    raise
                self._problems.extend(error)
                continue
            if value is not None and value is not INVALID:
                self._values[key.name] = value

    def _value(self, key: PlayKey[Any], scope: LazyVars | None) -> Raw:
        value, place = self.play.get(key.name), self.play.place_of(key.name)
        if value is not None and scope is not None:
            value = scope.templates.render(value, scope, place)
            if value is None and key.required:
                self._problems.add(place, f"the play has no '{key.name}'", key.required)
        return None if value is None else key.validator(value, Spot(place, key.name, self._problems))

    def login_variables(self) -> Iterator[tuple[tuple[str, ...], Raw]]:
        """For each login key that the play has: the inventory variables that win over it, and its value."""
        for name, value in self._values.items():
            row = self._table[name]
            if isinstance(row, PlayKey) and row.gives_way_to:
                yield row.gives_way_to, value


def check_play_keys(table: PlayKeyTable, play: Map, problems: Problems) -> None:
    """Report unknown and refused keys, keys that every play needs, and keys that exclude each other."""
    for name in play:
        row = table.get(name)
        if row is None and not name.startswith("x-"):
            problems.add(play.key_place(name), f"unknown key '{name}' in a play", near_key(name, table))
        elif isinstance(row, RefusedKey):
            problems.add(play.key_place(name), f"'{name}' is not supported: {row.note}", row.hint)
    if "import_playbook" in play:
        return
    for key in table.required():
        if play.get(key.name) is None:
            problems.add(play.place, f"the play has no '{key.name}'", key.required)
    _check_source(play, problems)


def _check_source(play: Map, problems: Problems) -> None:
    """A play has either a Compose file or services, and the sections of Compose only beside services."""
    sources = [key for key in ("compose", "services") if play.get(key) is not None]
    if not sources:
        problems.add(play.place, "the play has neither 'compose' nor 'services'", "write one of the two")
    if len(sources) == 2:
        problems.add(
            play.key_place("compose"), "the play has both 'compose' and 'services'", "keep one of the two"
        )
    for section in SECTIONS:
        if sources == ["compose"] and section in play:
            hint = "move it into the Compose file"
            problems.add(play.key_place(section), f"'{section}' stands beside 'compose'", hint)
