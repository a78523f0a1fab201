"""A saved plan from its file: whole, of a version that is understood, and as it was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from deploytool.errors import InputError, Place
from deploytool.load.text.problems import Problems, input_error
from deploytool.load.text.yaml_file import read_text
from deploytool.model.document import DIGEST, FORMAT, Document, digest_of

_AGAIN = "make a new plan: deploytool plan … --out FILE"

# What is relied on when a document is compared and its command is repeated. A list has one shape for all.
_STRINGS: Any = [str]
_SHAPE: dict[str, Any] = {
    "deploytool": str,
    "command": {"inventory": str, "playbooks": _STRINGS, "options": dict},
    "inputs": [{"kind": str, "name": str, "hash": str}],
    "hosts": [{"name": str, "answered": bool}],
    "projects": [
        {"project": str, "placements": dict, "release": int, "files": dict, "specs": dict, "steps": list}
    ],
}
_NO_ANSWER: dict[str, Any] = {"reason": str}
_ANSWER: dict[str, Any] = {
    "fingerprint": {
        "engine": str,
        "facts": str,
        "folders": [{"project": str, "release": int, "hash": str}],
        "containers": [{"name": str, "id": str, "state": str, "spec": str}],
    }
}


def read_plan(path: Path) -> Document:
    """The document in a file that ``plan --out`` wrote.

    Raises:
        InputError: it cannot be read, is no plan, is of another version, or was changed since.
    """
    problems = Problems()
    text = read_text(path, str(path), problems)
    problems.raise_if_any()
    try:
        document = json.loads(text or "")
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise input_error(Place(str(path), line), "is no plan: it is not JSON", _AGAIN) from None
    return _checked(document, path)


def _checked(document: Any, path: Path) -> Document:
    if not isinstance(document, dict) or not isinstance(document.get("format"), int):
        raise _wrong(path, "is no plan of deploytool", _AGAIN)
    if document["format"] != FORMAT:
        newer = document["format"] > FORMAT
        hint = "use the version that wrote it" if newer else _AGAIN
        which = f"a plan of format {document['format']}, and this version reads format {FORMAT}"
        raise _wrong(path, f"is {which}", hint)
    if document.get(DIGEST) != digest_of(document):
        raise _wrong(path, "was changed since it was written: its checksum does not match", _AGAIN)
    if not _fits(document, _SHAPE) or not all(_fits_host(host) for host in document["hosts"]):
        raise _wrong(path, "is no plan of deploytool, though its checksum matches", _AGAIN)
    return document


def _fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(_fits(value.get(key), inner) for key, inner in shape.items())
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(item, shape[0]) for item in value)
    return isinstance(value, shape)


def _fits_host(host: Any) -> bool:
    return _fits(host, _ANSWER if host["answered"] else _NO_ANSWER)


def _wrong(path: Path, message: str, hint: str) -> InputError:
    return input_error(Place(str(path)), message, hint)
