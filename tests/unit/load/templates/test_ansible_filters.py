"""The filters that users of Ansible know."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.load.templates.rendering import render


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
