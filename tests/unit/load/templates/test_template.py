"""Templates: strict, typed, lazy, bounded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deploytool.errors import InputError, Place
from deploytool.load.templates.lazy_vars import LazyVars
from deploytool.load.templates.template import Templates
from deploytool.load.text.problems import Mistake
from deploytool.load.text.yaml_file import Map, Str

AT = Place("vars.yaml", 3, 5)
TEMPLATES = Templates(search=Path(), environ={"HOME": "/root"})


def render(value: Any, **variables: Any) -> Any:
    return TEMPLATES.render(value, LazyVars(TEMPLATES, variables), AT)


def problem(value: Any, **variables: Any) -> str:
    with pytest.raises(InputError) as caught:
        render(value, **variables)
    (found,) = caught.value.problems
    return f"{found.place} {found.message}" + (f" | {found.hint}" if found.hint else "")


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


def test_variables_are_lazy() -> None:
    """A variable sees the others as they are in the end, and is rendered when it is asked for."""
    assert (
        render("{{ url }}", url="http://{{ host }}/", host="{{ name }}", name="h", bad="{{ x }}")
        == "http://h/"
    )


@pytest.mark.parametrize("variables", [{"a": "{{ a }}"}, {"a": "{{ b }}", "b": "{{ c }}", "c": "{{ a }}"}])
def test_loops_are_errors(variables: Mapping[str, Any]) -> None:
    """A variable that needs itself is an error, not a recursion."""
    with pytest.raises(InputError, match="'a' refers to itself"):
        render("{{ a }}", **variables)


def test_unsafe_is_never_rendered() -> None:
    """``!unsafe`` text is taken as it is, also through another variable."""
    unsafe = Str.at("{{ n }}", AT, unsafe=True)
    assert render("{{ raw }}", raw=unsafe, n=1) == "{{ n }}"
    assert render(unsafe, n=1) == "{{ n }}"


def test_vault_values_are_decrypted_once_looked_up() -> None:
    """An encrypted value becomes its content; without a password it is an error where it is used."""
    secret = Str.at("CIPHER", AT, vault=True)
    templates = Templates(search=Path(), environ={}, decrypt=lambda text: text.lower())
    assert templates.render("{{ s }}", LazyVars(templates, {"s": secret}), AT) == "cipher"
    assert "no vault password" in problem("{{ s }}", s=secret)


def test_forbidden_names_say_why() -> None:
    """A name whose value is a mistake is an error wherever it is used, also where it has a default."""
    scope = LazyVars(TEMPLATES, {}, {"host": Mistake("not here", "take another")})
    with pytest.raises(InputError) as caught:
        TEMPLATES.render("{{ host | default('x') }}", scope, AT)
    assert [(found.message, found.hint) for found in caught.value.problems] == [("not here", "take another")]


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ lookup.__globals__ }}",
        "{{ items.append(1) }}",
        "{{ self._TemplateReference__context }}",
        "{{ cycler.__init__ }}",
        "{{ '{0.__class__}'.format(n) }}",
        "{{ items | map(attribute='__class__') | list }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
    ],
)
def test_python_is_out_of_reach(template: str) -> None:
    """A template can neither see Python's internals, nor change a value, nor read a file by itself."""
    assert problem(template, items=[1], n=1)


@pytest.mark.parametrize(
    "template",
    [
        "{{ range(10**9) | list }}",
        "{{ 'a' * 10**10 }}",
        "{{ [1] * 10**10 }}",
        "{{ 9 ** 99999999 }}",
        "{{ 'a'.ljust(10**10) }}",
        "{{ 'a' | center(10**10) }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ '%9999999999d' | format(1) }}",
        "{{ '{:9999999999}'.format(1) }}",
        "{{ ('a' * 8000000) | replace('a', 'a' * 8000000) }}",
        "{{ [1] | to_json(indent=10**9) }}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}{{ 'a' * 99999 }}{% endfor %}",
        "{% set x %}{% for i in range(99999) %}{{ 'a' * 99999 }}{% endfor %}{% endset %}{{ x | length }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(99) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ laugh }}",
        "{{ laugh | to_json | length }}",
        "{{ laugh ~ '' }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "[" * 5000 + "1" + "]" * 5000 + " }}",
    ],
)
def test_bombs_are_errors(template: str) -> None:
    """Whatever a template asks for, it ends soon, with an error."""
    lols = {f"l{n}": "{{ [" + ", ".join([f"l{n + 1}"] * 10) + "] }}" for n in range(12)}
    assert problem(template, laugh="{{ l0 }}", l12="lol", **lols)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ 'yes' | bool }}", True),
        ("{{ {'a': 1} | combine({'b': 2}, {'a': 3}) }}", {"a": 3, "b": 2}),
        ("{{ {'a': {'x': 1}} | combine({'a': {'y': 2}}, recursive=true) }}", {"a": {"x": 1, "y": 2}}),
        ("{{ {'a': 1} | dict2items }}", [{"key": "a", "value": 1}]),
        ("{{ [{'key': 'a', 'value': 1}] | items2dict }}", {"a": 1}),
        ("{{ 'web12' | regex_replace('^web(\\d+)$', 'n\\1') }}", "n12"),
        ("{{ 'a=1' | regex_search('a=(.)', '\\1') }}", ["1"]),
        ("{{ 'abc' | regex_search('b') }}", "b"),
        ("{{ '/a/b.c' | basename }}:{{ '/a/b.c' | dirname }}", "b.c:/a"),
        ("{{ [1, 2, 1] | unique }}", [1, 2]),
        ("{{ [1, 2] | union([2, 3]) }}", [1, 2, 3]),
        ("{{ [1, 2, 3] | difference([2]) }}", [1, 3]),
        ("{{ [1, 2, 3] | intersect([3, 2]) }}", [2, 3]),
        ("{{ [1, [2, [3]]] | flatten }}", [1, 2, 3]),
        ("{{ [1, [2, [3]]] | flatten(levels=1) }}", [1, 2, [3]]),
        ("{{ true | ternary('a', 'b') }}", "a"),
        ("{{ 'ü' | b64encode }}", "w7w="),
        ("{{ 'w7w=' | b64decode }}", "ü"),
        (
            "{{ 'test1' | hash('sha256') }}",
            "1b4f0e9851971998e732078544c96b36c3d01cedf7caa332359d6f1d83567014",
        ),
        ("{{ 'a b' | quote }}", "'a b'"),
        ("{{ '{\"a\": [1]}' | from_json }}", {"a": [1]}),
        ("{{ 'a: [1]' | from_yaml }}", {"a": [1]}),
        ("{{ lookup('env', 'HOME') }}", "/root"),
        ("{{ {'b': 1, 'a': [1, 2]} | to_nice_yaml }}", "a:\n- 1\n- 2\nb: 1\n"),
        ("{{ 'b' in 'abc' and 'abc' is search('c$') and 'abc' is match('a') }}", True),
    ],
)
def test_ansible_filters(template: str, expected: Any) -> None:
    """The filters that users of Ansible know give what they give there."""
    assert render(template) == expected


def test_lookup_file(tmp_path: Path) -> None:
    """Files are looked up in ``files/`` and beside the playbook; a missing one is an error."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a").write_text("in files\n")
    (tmp_path / "b").write_text("beside\n")
    templates = Templates(search=tmp_path, environ={})
    assert (
        templates.render("{{ lookup('file', 'a') }}, {{ lookup('file', 'b') }}", {}, AT) == "in files, beside"
    )
    with pytest.raises(InputError, match="there is no file 'c'"):
        templates.render("{{ lookup('file', 'c') }}", {}, AT)


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
