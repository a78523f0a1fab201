"""``-e``: extra variables from the command line, as ``k=v``, as a YAML or JSON mapping, or as ``@file``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from deploytool.errors import Place
from deploytool.load.inputs import note
from deploytool.load.problems import Problems
from deploytool.load.variables import read_vars_file
from deploytool.load.vault import Vault
from deploytool.load.yamlfile import Map, Str, parse_yaml
from deploytool.model.inputs import VARIABLE

OPTION = "--extra-vars"

_FORMS_HINT = "write name=value, a JSON or YAML mapping, or @FILE"


def parse_extra_vars(values: Sequence[str], vault: Vault | None = None) -> Map:
    """All extra variables, the later ones winning. Values of ``k=v`` are strings, as Ansible has them.

    Raises:
        InputError: with everything that is wrong in any of them.
    """
    problems = Problems()
    result = Map(Place(OPTION))
    for value in values:
        result.lay(_one(value, vault, problems))
    problems.raise_if_any()
    for name, value in result.items():
        note(VARIABLE, str(name), repr(value).encode("utf-8", "surrogateescape"))
    return result


def _one(value: str, vault: Vault | None, problems: Problems) -> Map:
    if value.startswith("@"):
        return read_vars_file(Path(value[1:]).expanduser(), value[1:], vault, problems)
    if value.lstrip()[:1] in ("{", "["):
        return _mapping(value, problems)
    if value[:1] in ("/", ".") and "=" not in value:
        problems.add(Place(OPTION), f"'{value}' looks like a file", f"write @{value}")
        return Map(Place(OPTION))
    return _pairs(value, problems)


def _mapping(text: str, problems: Problems) -> Map:
    value = parse_yaml(text, OPTION, problems)
    if isinstance(value, Map):
        return value
    if value is not None:
        problems.add(Place(OPTION), f"'{text:.40}' is not a mapping", _FORMS_HINT)
    return Map(Place(OPTION))


def _pairs(text: str, problems: Problems) -> Map:
    """Words as a shell splits them, each ``name=value``; templates may hold spaces only within quotes."""
    place = Place(OPTION)
    result = Map(place)
    try:
        words = shlex.split(text)
    except ValueError as error:
        problems.add(place, f"'{text}' cannot be split into words: {str(error).lower()}", "close the quotes")
        return result
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            problems.add(place, f"'{word}' is not name=value", _FORMS_HINT)
            continue
        result.put(name.strip(), Str.at(value, place), place)
    return result
