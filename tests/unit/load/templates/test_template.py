"""Templates: strict, and typed."""

from __future__ import annotations

from typing import Any

import pytest

from deploytool.errors import InputError, Place
from deploytool.load.text.yaml_file import Map, Str
from tests.unit.load.templates.rendering import AT, problem, render


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ n }}", 3),
        ("n={{ n }}", "n=3"),
        ("{{ n }}{{ n }}", "33"),
        ("{{ items }}", [1, "b"]),
        ("{{ n > 2 }}", True),
        ("{{ nothing }}", None),
        ("x{{ nothing }}y", "xy"),
        ("{{ items | map('string') }}", ["1", "b"]),
        ("{{ '3' }}", "3"),
        ("{% if n == 3 %}yes{% endif %}", "yes"),
        ("no template", "no template"),
        (["{{ n }}", {"{{ key }}": "{{ n }}"}], [3, {"k": 3}]),
        ("{{ absent.deep.er | default('d') }}", "d"),
        ({"a": "{{ absent | default(omit) }}", "b": 1}, {"b": 1}),
        ("{# a comment #}", ""),
    ],
)
def test_values_keep_their_type(template: Any, expected: Any) -> None:
    """A single expression keeps its type, anything else becomes text."""
    assert render(template, n=3, items=[1, "b"], nothing=None, key="k") == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ hots }}", "'hots' is undefined | did you mean 'host'?"),
        ("x {{ hots }}", "'hots' is undefined | did you mean 'host'?"),
        ("{{ [1, hots] }}", "'hots' is undefined | did you mean 'host'?"),
        ("{{ labels.zoen }}", "there is no 'zoen' in the mapping | did you mean 'zone'?"),
        ("{{ host | uper }}", "unknown filter 'uper' | did you mean 'upper'?"),
        ("{{ host is strin }}", "unknown test 'strin' | did you mean 'string'?"),
        ("x{{ absent | default(omit) }}", "'omit' leaves a whole value out, and cannot be a part of a text"),
        ("{{ lookup('pipe', 'id') }}", "there is no lookup 'pipe'; known are env, file and vars"),
        ("{{ host | mandatory('give a host') and absent | mandatory('give it') }}", "give it"),
    ],
)
def test_errors_name_what_is_near(template: str, expected: str) -> None:
    """An unknown name is an error at its place, with the nearest one that exists."""
    assert problem(template, host="h", labels={"zone": "a"}) == f"vars.yaml:3:5 {expected}"


def test_all_problems_at_once() -> None:
    """A value with several wrong templates tells all of them, each at its own place."""
    value = Map(AT)
    value.put("a", Str.at("{{ x }}", Place("f", 1)), Place("f", 1))
    value.put("b", Str.at("{{ y", Place("f", 2)), Place("f", 2))
    with pytest.raises(InputError) as caught:
        render(value)
    assert [str(found.place) for found in caught.value.problems] == ["f:1", "f:2"]


def test_unsafe_is_never_rendered() -> None:
    """``!unsafe`` text is taken as it is, also through another variable."""
    unsafe = Str.at("{{ n }}", AT, unsafe=True)
    assert render("{{ raw }}", raw=unsafe, n=1) == "{{ n }}"
    assert render(unsafe, n=1) == "{{ n }}"
