"""Reads OpenSSH configuration files and answers what they say about one host.

Paramiko parses and matches; what it lacks is added to the text before: ``Include``, and an error for the
``Match`` criteria that it would take as met. Nothing here decides what an option means.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import paramiko

USER_FILE = "~/.ssh/config"
SYSTEM_FILE = "/etc/ssh/ssh_config"

_MAX_DEPTH = 16
_LINE = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.+?)\s*$")
_NO_PARAMETER = ("all", "canonical", "final")
_CRITERIA = (*_NO_PARAMETER, "host", "originalhost", "user", "localuser", "exec")


class ConfigError(Exception):
    """A configuration file cannot be used. The message has file and line."""


class _Config(paramiko.SSHConfig):
    """Leaves the tokens of ProxyCommand alone: hosts behind the same proxy have the same text."""

    TOKENS_BY_CONFIG_KEY = {  # noqa: RUF012 - as in the base class
        key: tokens
        for key, tokens in paramiko.SSHConfig.TOKENS_BY_CONFIG_KEY.items()
        if key != "proxycommand"
    }

    def followed_by(self, other: _Config) -> _Config:
        """Both as one: what stands here comes first."""
        both = _Config()
        both._config = [*self._config, *other._config]  # type: ignore[attr-defined]  # no public way in
        return both

    def _tokenize(self, config: Mapping[str, object], target_hostname: str, key: str, value: str) -> str:
        if "%" not in value and "~" not in value:
            return value  # else the user and their home are looked up for each value of each host
        return str(super()._tokenize(config, target_hostname, key, value))  # type: ignore[misc]  # likewise


def lookup(
    address: str, first: Sequence[tuple[str, str]], file: str | None
) -> Mapping[str, str | list[str] | None]:
    """All options for ``ssh ADDRESS``, keys in lower case, in the order in which they were found.

    ``first`` wins over the files, as ``ssh -o`` does. ``file`` is ``-F``: it replaces the user's and the
    system's file, and ``none`` stands for no file.

    Raises:
        ConfigError: a file is missing or wrong.
    """
    lines = [f"{key} {value}" for key, value in first]
    if broken := [key for key, value in first if set(value) & set("\r\n\0") or not value.strip()]:
        raise ConfigError(f"the value of the SSH option '{broken[0]}' is empty or has a line break")
    try:
        return _Config.from_text("\n".join(lines)).followed_by(_parsed(file)).lookup(address)
    except (paramiko.ConfigParseError, paramiko.CouldNotCanonicalize, ValueError, KeyError) as error:
        raise ConfigError(f"the SSH configuration for {address} cannot be used: {error}") from None


@functools.lru_cache(maxsize=16)
def _parsed(file: str | None) -> _Config:
    """The configuration, read once for all hosts of a run."""
    return _Config.from_text(_text_of(file))


def _text_of(file: str | None) -> str:
    if file is not None and file.lower() == "none":
        return ""
    if file is not None:
        return _expanded(Path(file).expanduser(), Path("~/.ssh").expanduser(), required=True)
    user, system = Path(USER_FILE).expanduser(), Path(SYSTEM_FILE)
    return _expanded(user, user.parent) + "\nMatch all\n" + _expanded(system, system.parent)


def forget() -> None:
    """Read the files again at the next lookup."""
    _parsed.cache_clear()


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
