"""Masks secrets in definitions and messages, for display. Pure.

A value that looks secret by its name or its form is masked, rather too much than too little. A definition
contains no content of files, only the hash in each path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

OURS = "deploytool."
SHA_LENGTH = 12

_SECRET = re.compile(
    r"pass(?!ive|through)|pwd|secret|token|credential|dsn|connection[_.-]?string|private[_.-]?key|api[_.-]?key"
    r"|access[_.-]?key|basic[_.-]?auth|authorization|(?:key|cookie|salt)$|(?:^|[_.-])auth$",
    re.IGNORECASE,
)
_NAMES_A_FILE = re.compile(r"[_.-](?:file|path)$", re.IGNORECASE)

# NAME=value, "name": value, name: value, --name value. Names begin where a word does, which keeps it linear.
_ASSIGNED = re.compile(r"""(?<![\w.-])(?:([\w.-]+)(?:["']?\s*=|["']\s*:|:\s)\s*|(--?[\w.-]+)\s+)""")
_OPTION = re.compile(r"--?[\w.-]+")
# scheme://login@ and user:password@, but not image:tag@sha256:…
_LOGIN = re.compile(r"(?<=://)\S+(?=@)|(?<=\w:)(?!//)\S+(?=@(?!sha\d+:))")
_MASKED = re.compile(r"\[masked [0-9a-f]{6}\]")
_PRIVATE_KEY = "PRIVATE KEY-----"
_FILE_SHA = re.compile(r"(?<=files/)[0-9a-f]{64}(?=/)")


def showable(document: Mapping[str, Any], salt: bytes) -> dict[str, Any]:
    """The definition for display, with secrets masked and without our own labels.

    A secret value becomes ``[masked 3f9c1a]``: equal values look equal under the same ``salt``, and without
    the salt values cannot be tried. Hashes in the paths of secrets are masked as well, others shortened.
    """
    mask = _Mask(salt)
    shown = {key: mask.value(value) for key, value in document.items() if key != "secrets"}
    for service in (shown.get("services") or {}).values():
        _without_our_labels(service)
    if "secrets" in document:
        shown["secrets"] = _Mask(salt, hide_files=True).value(document["secrets"])
    return shown


def masked_text(text: str) -> str:
    """A message of another program for display, with the secrets that it quotes masked."""
    return _MASKED.sub("[masked]", _Mask(b"").value(text))


def looks_secret(name: str) -> bool:
    """True for the name of a variable, label or option with a secret, but not of a file with one."""
    return bool(_SECRET.search(name)) and not _NAMES_A_FILE.search(name)


def _without_our_labels(service: dict[str, Any]) -> None:
    labels = service.pop("labels", None) or {}
    kept = {name: value for name, value in labels.items() if not name.startswith(OURS)}
    if kept:
        service["labels"] = kept


@dataclass(frozen=True, slots=True)
class _Mask:
    salt: bytes = field(repr=False)
    hide_files: bool = False

    def value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(name): self._named(str(name), item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return self._words(value)
        return self._text(value) if isinstance(value, str) else value

    def _named(self, name: str, value: Any) -> Any:
        plain = isinstance(value, (str, int, float)) and not isinstance(value, bool)
        return self._hidden(str(value)) if plain and looks_secret(name) else self.value(value)

    def _words(self, words: Sequence[Any]) -> list[Any]:
        """A list, which may be a command line: ``--password`` hides the word that follows."""
        result = []
        for before, word in zip(("", *words), words, strict=False):
            option = isinstance(before, str) and _OPTION.fullmatch(before)
            result.append(self._named(str(before), word) if option else self.value(word))
        return result

    def _text(self, text: str) -> str:
        """A text, with all of it masked from the first assignment of a secret on."""
        if _PRIVATE_KEY in text:
            return self._hidden(text)
        names = _ASSIGNED.finditer(text)
        end = next((found.end() for found in names if looks_secret(found[1] or found[2])), len(text))
        shown = _FILE_SHA.sub(lambda found: self._sha(found[0]), text[:end])
        if "@" in shown:
            shown = _LOGIN.sub(lambda found: self._hidden(found[0]), shown)
        return shown + self._hidden(text[end:])

    def _sha(self, sha: str) -> str:
        return self._hidden(sha) if self.hide_files else sha[:SHA_LENGTH]

    def _hidden(self, text: str) -> str:
        return f"[masked {sha256(self.salt + text.encode()).hexdigest()[:6]}]" if text else ""
