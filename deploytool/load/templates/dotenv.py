"""``.env`` and ``env_file``: ``NAME=value`` lines as Compose reads them.

``export`` is allowed in front; a ``#`` begins a comment where a line begins, and after a space. Single quotes
keep their text as it is but for ``\'``, double quotes know backslashes; both may span lines. Values without
quotes and in double quotes are interpolated.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from deploytool.errors import InputError, Place
from deploytool.load.templates.interpolate import Interpolation
from deploytool.load.text.problems import Problems, input_error
from deploytool.load.text.yaml_file import read_text

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[\w.\-\[\]]+)\s*(?P<sign>[=:]?)[ \t]*")
_ESCAPES = dict(zip('nrtabfv\\"$' + "'", (*'\n\r\t\a\b\f\v\\"', "$$", "'"), strict=True))
_COMMENT = " #"


def read_dotenv(
    path: Path, name: str, outer: Mapping[str, str], problems: Problems, *, raw: bool = False
) -> dict[str, str]:
    """The variables of a file, in its order. ``outer`` wins where a value refers to a name that both have.

    A line that is only a name takes its value from ``outer``, and is left out where ``outer`` has none.
    With ``raw``, quotes and ``$`` mean nothing: the value is all text after the sign.
    """
    text = read_text(path, name, problems)
    return {} if text is None else parse_dotenv(text, name, outer, problems, raw=raw)


def parse_dotenv(
    text: str, name: str, outer: Mapping[str, str], problems: Problems, *, raw: bool = False
) -> dict[str, str]:
    """The variables of a text; ``name`` is the file in the places. See ``read_dotenv``."""
    values: dict[str, str] = {}
    known = ChainMap(cast(dict[str, str], outer), values)
    lines = iter(enumerate(text.replace("\r\n", "\n").split("\n"), start=1))
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            match = _assignment(line, Place(name, number))
            if match["sign"]:
                rest = line[match.end() :]
                value = rest if raw else _value(rest, lines, known, Place(name, number))
                values[match["name"]] = value
            elif match["name"] in outer:
                values[match["name"]] = outer[match["name"]]
        except InputError as error:
            problems.extend(error)
    return values


def _assignment(line: str, place: Place) -> re.Match[str]:
    """The name and the sign of a line; the sign is empty where the line is only a name."""
    match = _LINE.match(line)
    if match is None or (not match["sign"] and match.end() != len(line)):
        raise input_error(place, "is not NAME=value", "start a comment with #")
    return match


def _value(rest: str, lines: Iterator[tuple[int, str]], known: Mapping[str, str], place: Place) -> str:
    quote = rest[:1]
    if quote not in ("'", '"'):
        return str(Interpolation(known)(rest.split(_COMMENT, 1)[0].strip(), place))
    quoted, line = [], rest[1:]
    while (end := _closing(line, quote)) < 0:
        quoted.append(line)
        following = next(lines, None)
        if following is None:
            raise input_error(place, f"a {quote} without its other half")
        line = following[1]
    behind = line[end + 1 :].strip()
    if behind and not behind.startswith("#"):
        raise input_error(place, f"'{behind:.40}' after the closing {quote}", "put the whole value in quotes")
    text = "\n".join([*quoted, line[:end]])
    return text.replace("\\'", "'") if quote == "'" else str(Interpolation(known)(_unescaped(text), place))


def _closing(text: str, quote: str) -> int:
    """The index of the closing quote, -1 without one; a backslash escapes."""
    at = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == quote:
            return at
        at += 1
    return -1


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), text, flags=re.DOTALL)
