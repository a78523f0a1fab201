"""The choice of plays by tags."""

from __future__ import annotations

import pytest

from deploytool.errors import UsageError
from tests.unit.load.playbooks import Site, play


@pytest.mark.parametrize(
    ("tags", "skip", "expected"),
    [
        ("", "", "abdu"),
        ("one", "", "ad"),
        ("two", "", "bd"),
        ("all", "", "abdu"),
        ("tagged", "", "abd"),
        ("untagged", "", "du"),
        ("never", "", "dn"),
        ("", "one", "bdu"),
        ("", "tagged", "u"),
        ("one", "always", "a"),
    ],
)
def test_tags(site: Site, tags: str, skip: str, expected: str) -> None:
    """--tags and --skip-tags choose plays as ansible-playbook does."""
    plays = {"a": "[one]", "b": "two", "d": "[always]", "u": "[]", "n": "[never]"}
    text = "".join(
        f"- name: {name}\n  hosts: web\n  tags: {own}\n  services: {{x: {{image: x}}}}\n"
        for name, own in plays.items()
    )
    chosen = site.load(text, tags={tags} - {""}, skip_tags={skip} - {""}).projects
    assert {project.name for project in chosen} == set(expected)


def test_tags_that_match_nothing(site: Site) -> None:
    """A misspelt tag is an error with the nearest one, since it would run nothing in silence."""
    text = play("").replace("hosts: web", "hosts: web\n  tags: [frontend]")
    with pytest.raises(UsageError, match="--tags frontnd leaves no play") as caught:
        site.load(text, tags={"frontnd"})
    assert caught.value.hint == "did you mean 'frontend'?"
