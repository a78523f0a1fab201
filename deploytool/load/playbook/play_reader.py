"""Reads the keys of one play as the table says: unknown and refused keys, then the values, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from deploytool.errors import InputError
from deploytool.load.compose.schema import SECTIONS
from deploytool.load.compose.validators import INVALID, Spot
from deploytool.load.playbook.play_keys import PlayKey, RefusedKey, Stage
from deploytool.load.playbook.play_settings import PLAY_KEYS
from deploytool.load.templates.template import LazyVars
from deploytool.load.text.problems import Problems, near_key
from deploytool.load.text.yaml_file import Map

T = TypeVar("T")


class PlaySettings:
    """The values of a play's keys, as far as their stages have been read; defaults for keys left out."""

    def __init__(self, play: Map, problems: Problems) -> None:
        self._play = play
        self._problems = problems
        self._values: dict[str, Any] = {}

    def __getitem__(self, key: PlayKey[T]) -> T:
        value: T = self._values.get(key.name, key.default)
        return value

    def read(self, stage: Stage, scope: LazyVars | None = None) -> None:
        """Read the keys of a stage. Without ``scope``, nothing is rendered. Wrong values become problems.

        Raises:
            InputError: a template of a key fails on which others depend: all but ``SETTINGS`` have such.
        """
        for key in PLAY_KEYS.of_stage(stage):
            try:
                value = self._value(key, scope)
            except InputError as error:
                if stage is not Stage.SETTINGS:
                    raise
                self._problems.extend(error)
                continue
            if value is not None and value is not INVALID:
                self._values[key.name] = value

    def _value(self, key: PlayKey[Any], scope: LazyVars | None) -> Any:
        value, place = self._play.get(key.name), self._play.place_of(key.name)
        if value is not None and scope is not None:
            value = scope.templates.render(value, scope, place)
        return None if value is None else key.validator(value, Spot(place, key.name, self._problems))

    def login_variables(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        """For each login key that is given: the inventory variables that win over it, and its value."""
        for name, value in self._values.items():
            row = PLAY_KEYS[name]
            if isinstance(row, PlayKey) and row.gives_way_to:
                yield row.gives_way_to, value


def check_play_keys(play: Map, problems: Problems) -> None:
    """Report unknown and refused keys, keys that every play needs, and keys that exclude each other."""
    for name in play:
        row = PLAY_KEYS.get(name)
        if row is None and not name.startswith("x-"):
            problems.add(play.key_place(name), f"unknown key '{name}' in a play", near_key(name, PLAY_KEYS))
        elif isinstance(row, RefusedKey):
            problems.add(play.key_place(name), f"'{name}' is not supported: {row.sentence}", row.hint)
    if "import_playbook" in play:
        return
    if play.get("hosts") is None:
        problems.add(play.place, "the play has no 'hosts'", "write hosts: all, or a group")
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
