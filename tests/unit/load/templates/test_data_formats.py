"""Data written as JSON and YAML."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from deploytool.load.text.yaml_file import Str
from tests.unit.load.templates.rendering import AT, render

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


DATA = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), ANY_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ANY_TEXT, inner, max_size=3)),
    max_leaves=8,
)


@given(data=DATA, name=st.sampled_from(["to_json", "to_nice_json", "to_yaml", "to_nice_yaml", "tojson"]))
def test_data_in_yaml_round_trips(data: Any, name: str) -> None:
    """What a filter writes, any YAML reader reads back as the same data, whatever the characters."""
    text = render("{{ data | " + name + " }}", data=Str.at("", AT) if data == "" else _unsafe(data))
    assert yaml.safe_load(text) == data
    if "json" in name:
        assert json.loads(text) == data


def _unsafe(data: Any) -> Any:
    """The data with each text marked, so that nothing in it is a template."""
    if isinstance(data, str):
        return Str.at(data, AT, unsafe=True)
    if isinstance(data, list):
        return [_unsafe(item) for item in data]
    return {key: _unsafe(item) for key, item in data.items()} if isinstance(data, dict) else data
