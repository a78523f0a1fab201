"""The options of OpenSSH configuration files for one host.

Paramiko parses and matches. What it lacks, ``config_text`` adds to the text before: ``Include``, and an error
for ``Match`` criteria that paramiko would take as met. The options' meaning is not known here.

Source: ssh_config(5).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import paramiko

from deploytool.transport.ssh import config_text
from deploytool.transport.ssh.config_text import ConfigError


class _Config(paramiko.SSHConfig):
    """Paramiko's, but without expanding ProxyCommand: hosts behind the same proxy keep the same text."""

    TOKENS_BY_CONFIG_KEY = {  # noqa: RUF012 - as in the base class
        key: tokens
        for key, tokens in paramiko.SSHConfig.TOKENS_BY_CONFIG_KEY.items()
        if key != "proxycommand"
    }

    def followed_by(self, other: _Config) -> _Config:
        """Both configurations in one; the options of this one win."""
        both = _Config()
        both._config = [*self._config, *other._config]  # type: ignore[attr-defined]  # no public way in
        return both

    def _tokenize(self, config: Mapping[str, object], target_hostname: str, key: str, value: str) -> str:
        if "%" not in value and "~" not in value:
            return value  # saves a look-up of the user and home for each value of each host
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
    """The configuration files, parsed once for all hosts of a run."""
    return _Config.from_text(config_text.text_of(file))


def forget() -> None:
    """Drop the cache: the files are read again at the next lookup."""
    _parsed.cache_clear()
    config_text.forget()
