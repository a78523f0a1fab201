"""``-e``: extra variables from the command line, as ``k=v``, as a YAML or JSON mapping, or as ``@file``."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploytool.errors import Place
from deploytool.load.inventory.variables import read_vars_file
from deploytool.load.inventory.vault import Vault
from deploytool.load.text.data_file import parse_data
from deploytool.load.text.input_log import note
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import Map, Str
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
        result.overlay(_one(value, vault, problems))
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
    value = parse_data(text, OPTION, problems)
    if isinstance(value, Map):
        return value
    if value is not None:
        problems.add(Place(OPTION), "the text is not a mapping", _FORMS_HINT)
    return Map(Place(OPTION))


def _pairs(text: str, problems: Problems) -> Map:
    """Words, each ``name=value``, as Ansible splits them.

    What is wrong is not quoted: it may be half of a password.
    """
    place = Place(OPTION)
    result = Map(place)
    try:
        words = list(_words(text))
    except ValueError as error:
        problems.add(place, f"the text cannot be split into words: {error}", "close what is open")
        return result
    for number, word in enumerate(words, 1):
        name, equals, value = _ESCAPE.sub(_unescaped, word).partition("=")
        if not equals or not name.strip():
            problems.add(place, f"word {number} is not name=value", _FORMS_HINT)
            continue
        result.put(name.strip(), Str.at(_unquoted(value.strip()), place), place)
    return result


_OPEN = {"{{": "}}", "{%": "%}", "{#": "#}"}
_TOKEN = re.compile(r"\\.|[\"']|\{[{%#]|[}%#]\}|\s+|.", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:U[0-9a-fA-F]{8}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|N\{[^}]+\}|[\\'\"abfnrtv])")


def _words(text: str) -> Iterator[str]:
    """Split at white space that is neither within quotes nor within a template.

    Raises:
        ValueError: quotes or a template that nothing closes.
    """
    word = closes = ""
    for token in _TOKEN.findall(text):
        if token.isspace() and not closes:
            if word:
                yield word
            word = ""
            continue
        if not closes:
            closes = token if token in ("'", '"') else _OPEN.get(token, "")
        elif token == closes:
            closes = ""
        word += token
    if closes:
        raise ValueError(f"no closing {closes}")
    if word:
        yield word


def _unescaped(match: re.Match[str]) -> str:
    try:
        return codecs.decode(match[0], "unicode-escape")
    except UnicodeDecodeError:
        return match[0]  # a name that Unicode does not know


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in ("'", '"')
    return value[1:-1] if quoted else value
