"""The table of a play's keys, and all that is made from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploytool.errors import Place
from deploytool.load.compose.validators import INVALID, Spot
from deploytool.load.playbook.play_keys import PlayKey, RefusedKey
from deploytool.load.playbook.play_settings import PLAY_KEYS
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import parse_yaml
from tests.unit.load.playbooks import Site, play

ROOT = Path(__file__).parents[4]
HONOURED = [row for row in PLAY_KEYS.values() if isinstance(row, PlayKey)]
REFUSED = [row for row in PLAY_KEYS.values() if isinstance(row, RefusedKey)]


def test_the_example_shows_every_key() -> None:
    """Every key of a play that means something stands in the annotated example, as its row shows it."""
    plays = yaml.safe_load((ROOT / "playbooks" / "example.yaml").read_text())
    missing = {
        row.name
        for row in HONOURED
        if not any(row.name in one and shows(one[row.name], yaml.safe_load(row.example)) for one in plays)
    }
    assert missing == set()


def shows(whole: Any, part: Any) -> bool:
    """Equal; of mappings, all that ``part`` has, and keys below it may be left out."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and shows(whole[key], value) for key, value in part.items())
    return bool(whole == part)


@pytest.mark.parametrize("row", HONOURED, ids=lambda row: row.name)
def test_each_example_is_valid(row: PlayKey[Any]) -> None:
    """The value that the docs show for a key is one that the key takes."""
    problems = Problems()
    value = parse_yaml(row.example, "example", problems)
    assert row.validator(value, Spot(Place("example"), row.name, problems)) is not INVALID
    assert not problems.found


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_refused_keys_say_why(site: Site, row: RefusedKey) -> None:
    """A key that cannot be honoured is an error with a reason and a way out, at the key."""
    found = site.problems(play("", f"{row.name}: x"))
    assert f"3:3 '{row.name}' is not supported: {row.note} | {row.hint}" in found
    assert row.note
    assert row.hint
