"""The output of scripts: JSON, one document a line, parsed without trust in the host.

A line that is no JSON object is skipped, and a value of an unexpected type counts as absent. So a damaged
file on a host only loses its own content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias, TypeVar

from deploytool.model.str_enum import StrEnum

Document: TypeAlias = Mapping[str, object]
WordT = TypeVar("WordT", bound=StrEnum)

# Escape sequences and control characters other than the tab, which must not reach a terminal.
_CONTROLS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


def read_documents(raw: bytes) -> list[Document]:
    """The documents in a script's output. Bytes that are no UTF-8 are replaced."""
    return list(read_lines(raw.decode("utf-8", "replace").split("\n")))


def read_lines(lines: Iterable[str]) -> Iterator[Document]:
    for line in lines:
        found = document(line)
        if found:
            yield found


def document(text: str) -> Document:
    """A JSON object; empty where ``text`` is none."""
    raw = json_value(text) if text else None
    return raw if isinstance(raw, dict) else {}


def json_value(text: str) -> object:
    """Any JSON; None where ``text`` is none."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def as_json(value: object) -> str:
    """One line, as short as it can be."""
    return json.dumps(value, separators=(",", ":"))


def text_of(raw: Document, key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""


def number_of(raw: Document, key: str) -> int:
    value = raw.get(key)
    return int(value) if isinstance(value, int | float) else 0


def document_of(raw: Document, key: str) -> Document:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def items_of(raw: Document, key: str) -> tuple[object, ...]:
    """A list; empty where there is none."""
    value = raw.get(key)
    return tuple(value) if isinstance(value, list) else ()


def word_of(words: type[WordT], text: str, otherwise: WordT) -> WordT:
    """The member that Docker's word names; ``otherwise`` for one that is not known here."""
    try:
        return words(text)
    except ValueError:
        return otherwise


def printable(text: str) -> str:
    """``text`` without what a terminal would obey."""
    return _CONTROLS.sub("", text)
