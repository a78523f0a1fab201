"""The text of OpenSSH configuration files with each ``Include`` replaced by the files' text.

Needs no SSH library, which takes long to import: ``control_master`` identifies its connections by this text.
The options' meaning is not known here.

Source: ssh_config(5).
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

USER_FILE = "~/.ssh/config"
SYSTEM_FILE = "/etc/ssh/ssh_config"

_MAX_DEPTH = 16
_LINE = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.+?)\s*$")
_NO_PARAMETER = ("all", "canonical", "final")
_CRITERIA = (*_NO_PARAMETER, "host", "originalhost", "user", "localuser", "exec")


class ConfigError(Exception):
    """A configuration file cannot be used. The message has file and line."""


@functools.lru_cache(maxsize=16)
def text_of(file: str | None) -> str:
    """The configuration of ``ssh -F FILE``, or without ``-F`` for None; cached until ``forget``.

    ``file`` replaces the user's and the system's file, and ``none`` stands for no file.

    Raises:
        ConfigError: a file is missing or wrong.
    """
    if file is not None and file.lower() == "none":
        return ""
    if file is not None:
        return _expanded(Path(file).expanduser(), Path("~/.ssh").expanduser(), required=True)
    user, system = Path(USER_FILE).expanduser(), Path(SYSTEM_FILE)
    return _expanded(user, user.parent) + "\nMatch all\n" + _expanded(system, system.parent)


def forget() -> None:
    """Drop the cache: the files are read again the next time."""
    text_of.cache_clear()


def _expanded(path: Path, base: Path, *, required: bool = False) -> str:
    if not required and not path.is_file():
        return ""
    return "\n".join(_lines(path, base, "", 0))


def _lines(path: Path, base: Path, outer: str, depth: int) -> Iterator[str]:
    """The lines of a file with its includes in place, all under the conditions of the including block.

    ``Host`` becomes the ``Match`` of the same meaning, since nested conditions have to be joined.
    """
    if depth > _MAX_DEPTH:
        raise ConfigError(f"{path}: more than {_MAX_DEPTH} levels of Include")
    conditions = outer
    for number, line in enumerate(_read(path), 1):
        found = _LINE.match(line)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if found is None:
            raise ConfigError(f"{path}:{number}: an option without a value")
        key, value = found[1].lower(), found[2]
        if key in ("host", "match"):
            conditions = " ".join(filter(None, (outer, _conditions(key, value, f"{path}:{number}"))))
            yield _block(conditions)
        elif key == "include":
            for included in _included(value, base):
                yield _block(conditions)
                yield from _lines(included, base, conditions, depth + 1)
            yield _block(conditions)
        else:
            yield f"{key} {value}"


def _read(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None


def _included(value: str, base: Path) -> Iterator[Path]:
    for pattern in _words(value, "Include"):
        path = base / Path(pattern).expanduser()
        yield from sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))


def _block(conditions: str) -> str:
    return f"Match {conditions}" if conditions else "Match all"


def _conditions(key: str, value: str, place: str) -> str:
    """A ``Host`` or ``Match`` line as criteria of ``Match``; empty for all hosts."""
    words = _words(value, place)
    if key == "host":
        return f"originalhost {shlex.quote(','.join(words))}"
    criteria = []
    while words:
        word = words.pop(0)
        name = word.lstrip("!").lower()
        if name not in _CRITERIA:
            raise ConfigError(f"{place}: 'Match {name}' is not supported")
        if name not in _NO_PARAMETER and not words:
            raise ConfigError(f"{place}: 'Match {name}' lacks its value")
        if name != "all":
            criteria.append(word.lower() if name in _NO_PARAMETER else f"{word} {shlex.quote(words.pop(0))}")
    return " ".join(criteria)


def _words(value: str, place: str) -> list[str]:
    try:
        return shlex.split(value, comments=True)
    except ValueError as error:
        raise ConfigError(f"{place}: {str(error).lower()}") from None
