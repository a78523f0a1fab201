"""What a template may not do."""

from __future__ import annotations

import pytest

from tests.unit.load.templates.rendering import problem


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
