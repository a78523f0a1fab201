"""Variables that are rendered when they are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deploytool.errors import InputError
from deploytool.load.templates.lazy_vars import LazyVars
from deploytool.load.templates.template import Templates
from deploytool.load.text.problems import Mistake
from deploytool.load.text.yaml_file import Str
from tests.unit.load.templates.rendering import AT, TEMPLATES, problem, render


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
