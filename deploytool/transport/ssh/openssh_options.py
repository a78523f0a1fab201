"""The options that make OpenSSH's ``ssh`` log in exactly as a target says, with nothing left to look up.

Pure: ``ssh`` is not started here.

Source: ssh_config(5).
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterator, Sequence

from deploytool.transport.ssh.target import Target

_QUOTABLE = re.compile(r'[^"\\$%\r\n\0]*')  # characters that ssh takes literally between double quotes


def options_of(target: Target, jump_command: Sequence[str] | None) -> tuple[str, ...] | None:
    """The arguments for ``ssh``; None where the target cannot be expressed by options.

    ``jump_command`` is the ``ssh`` command line with the options for the jump host, where there is one.
    """
    if not can_be_kept(target):
        return None
    lists = (("IdentityFile", target.key_files), ("CertificateFile", target.certificate_files))
    pairs = [*_values(target), *_proxy(target, jump_command)]
    pairs += [(key, _quoted(path)) for key, paths in lists for path in paths]
    if any(value is None for _, value in pairs):
        return None
    return ("-F", "none", *(word for key, value in pairs for word in ("-o", f"{key}={value}")))


def can_be_kept(target: Target) -> bool:
    """False where OpenSSH would have to ask for a password, or to forward an agent of this run."""
    return "publickey" in target.methods and not target.forward_agent


def _proxy(target: Target, jump_command: Sequence[str] | None) -> Iterator[tuple[str, str | None]]:
    if target.jump is not None and jump_command is not None:
        forward = ("-W", f"[{target.address}]:{target.port}", "--", target.jump.address)
        yield "ProxyCommand", shlex.join((*jump_command, *forward)).replace("%", "%%")
    elif target.proxy_command is not None:
        yield "ProxyCommand", target.expanded_proxy_command.replace("%", "%%")


def _values(target: Target) -> Iterator[tuple[str, str | None]]:
    yield from (("Port", str(target.port)), ("User", target.user), ("BatchMode", "yes"))
    yield "StrictHostKeyChecking", "accept-new" if target.accept_new else "yes"
    yield "UserKnownHostsFile", _list(target.known_hosts)
    yield "GlobalKnownHostsFile", _list(target.global_known_hosts)
    yield "HashKnownHosts", _flag(target.hash_known_hosts)
    if target.host_key_alias:
        yield "HostKeyAlias", target.host_key_name
    yield "PreferredAuthentications", "publickey"
    yield "IdentitiesOnly", _flag(target.identities_only)
    yield "IdentityAgent", _quoted(target.agent_socket) if target.agent_socket else "none"
    # One second more than the caller waits, whose message is the better one.
    yield "ConnectTimeout", str(math.ceil(target.connect_timeout_s) + 1)
    yield "ServerAliveInterval", str(target.keepalive_s)
    yield "ServerAliveCountMax", str(target.keepalive_max)
    yield "AddressFamily", target.address_family
    if target.bind_address:
        yield "BindAddress", target.bind_address
    yield "Compression", _flag(target.compress)
    yield from ((kind.value, wanted) for kind, wanted in target.algorithms)


def _flag(value: bool) -> str:
    return "yes" if value else "no"


def _list(paths: tuple[str, ...]) -> str | None:
    """File names as ssh reads a list of them; None if one cannot be quoted."""
    quoted = [_quoted(path) for path in paths]
    return None if None in quoted else " ".join(filter(None, quoted)) or "none"


def _quoted(path: str) -> str | None:
    return f'"{path}"' if _QUOTABLE.fullmatch(path) else None
