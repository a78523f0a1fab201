"""Computes the target of a host from the inventory, the OpenSSH configuration and the settings.

Reads the OpenSSH configuration (through ``config``); nothing is connected.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
from collections.abc import Mapping

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Connection
from deploytool.transport.ssh import config
from deploytool.transport.ssh.config_text import ConfigError
from deploytool.transport.ssh.options import HARMLESS, HONOURED, unsupported_options
from deploytool.transport.ssh.settings import SshSettings
from deploytool.transport.ssh.target import Algorithms, Target

_USER_KNOWN_HOSTS = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
_GLOBAL_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
_DEFAULT_KEYS = (
    "~/.ssh/id_rsa",
    "~/.ssh/id_ecdsa",
    "~/.ssh/id_ecdsa_sk",
    "~/.ssh/id_ed25519",
    "~/.ssh/id_ed25519_sk",
)
_METHODS = "publickey,keyboard-interactive,password"
_MAX_JUMPS = 8
_LEAST_ATTEMPTS = 3  # sshd drops connections at random when many start at once
_JUMP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?:\[(?P<ip6>[^]]+)\]|(?P<host>[^:@]+))(?::(?P<port>\d+))?/?"
)


def resolve(host_name: str, connection: Connection, settings: SshSettings) -> Target:
    """The target of a host, as ``ssh`` would connect to it.

    Raises:
        HostUnreachable: with ``setup``: an option that is not supported, or a broken configuration.

    Source: ssh_config(5); the inventory's options come first, as ``ssh -o`` does.
    """
    try:
        return _target(connection, settings, _options_of(connection), 0)
    except (ConfigError, ValueError) as error:
        raise HostUnreachable(
            str(error),
            hint="correct the inventory's SSH options or the SSH configuration",
            host=host_name,
            setup=True,
        ) from None
    except HostUnreachable as error:
        error.host = host_name
        raise


def _options_of(connection: Connection) -> _Options:
    _refuse_unsupported(connection.options)
    first = [("identityfile", file) for file in connection.key_files]
    if connection.port is not None:
        first.append(("port", str(connection.port)))
    if connection.user is not None:
        first.append(("user", connection.user))
    first.extend(connection.options)
    found = _Options(config.lookup(connection.address, first, connection.config_file))
    found.refuse_unsupported()
    return found


def _refuse_unsupported(options: tuple[tuple[str, str], ...]) -> None:
    for bad in unsupported_options(options):
        raise HostUnreachable(bad.message, hint=bad.hint, setup=True)


class _Options:
    """The options of one host by name in lower case, with typed access."""

    def __init__(self, found: Mapping[str, str | list[str] | None]) -> None:
        self.found = found

    def refuse_unsupported(self) -> None:
        """Raise HostUnreachable for an option that is neither supported nor under IgnoreUnknown."""
        ignored = [re.compile(_glob(word)) for word in re.split(r"[\s,]+", self.text("ignoreunknown"))]
        _refuse_unsupported(
            tuple(
                (key, " ".join(value) if isinstance(value, list) else value or "none")
                for key, value in self.found.items()
                if key in HONOURED or key in HARMLESS or not any(word.fullmatch(key) for word in ignored)
            )
        )

    def text(self, key: str, default: str = "") -> str:
        value = self.found.get(key)
        return value if isinstance(value, str) else default

    def paths(self, key: str, default: str = "") -> tuple[str, ...]:
        value = self.found.get(key)
        words = value if isinstance(value, list) else shlex.split(self.text(key, default))
        return tuple(_path(word) for word in words if word.lower() != "none")

    def flag(self, key: str, default: bool) -> bool:
        value = self.text(key, "yes" if default else "no").lower()
        if value not in ("yes", "true", "no", "false"):
            raise ValueError(f"the SSH option '{key}={value}' is neither yes nor no")
        return value in ("yes", "true")

    def number(self, key: str, default: int, least: int = 0) -> int:
        value = self.text(key, str(default))
        if not value.isdecimal() or int(value) < least:
            raise ValueError(f"the SSH option '{key}={value}' is not a number from {least} on")
        return int(value)


def _identity(connection: Connection, found: _Options) -> tuple[str, str, int]:
    user = found.text("user") or getpass.getuser()
    return user, found.text("hostname", connection.address), found.number("port", 22, 1)


def _target(connection: Connection, settings: SshSettings, found: _Options, depth: int) -> Target:
    user, address, port = _identity(connection, found)
    alias = found.text("hostkeyalias")
    keys_given = "identityfile" in found.found
    proxy_command, jump = _proxy(connection, settings, found, depth)
    target = Target(
        name=connection.address,
        address=address,
        port=port,
        user=user,
        key_files=found.paths("identityfile") if keys_given else tuple(map(_path, _DEFAULT_KEYS)),
        keys_given=keys_given,
        certificate_files=found.paths("certificatefile"),
        identities_only=found.flag("identitiesonly", False),
        agent_socket=_agent_socket(found),
        methods=_methods(found),
        known_hosts=found.paths("userknownhostsfile", _USER_KNOWN_HOSTS),
        global_known_hosts=found.paths("globalknownhostsfile", _GLOBAL_KNOWN_HOSTS),
        host_key_name=(alias or (address if port == 22 else f"[{address}]:{port}")).lower(),
        host_key_alias=bool(alias),
        accept_new=settings.accept_new_host_keys
        or found.text("stricthostkeychecking").lower() == "accept-new",
        hash_known_hosts=found.flag("hashknownhosts", False),
        connect_timeout_s=_connect_timeout_s(found, settings),
        connection_attempts=max(_LEAST_ATTEMPTS, found.number("connectionattempts", 1, 1)),
        keepalive_s=found.number("serveraliveinterval", settings.keepalive_s),
        keepalive_max=found.number("serveralivecountmax", 3, 1),
        forward_agent=found.flag("forwardagent", False),
        compress=found.flag("compression", False),
        address_family=found.text("addressfamily", "any").lower(),
        bind_address=found.text("bindaddress") or None,
        ask_passphrase=not found.flag("batchmode", False),
        algorithms=_algorithms(found),
        proxy_command=proxy_command,
        jump=jump,
    )
    target.check_proxy_command()
    return target


def _connect_timeout_s(found: _Options, settings: SshSettings) -> float:
    if found.text("connecttimeout").lower() in ("", "none"):
        return settings.connect_timeout_s
    return found.number("connecttimeout", 1, 1)


def _proxy(
    connection: Connection, settings: SshSettings, found: _Options, depth: int
) -> tuple[str | None, Target | None]:
    """ProxyCommand or the target of ProxyJump: the one that comes first, as in ssh."""
    kind = next((key for key in found.found if key in ("proxycommand", "proxyjump")), "")
    value = found.text(kind) if kind else ""
    if not value or value.lower() == "none":
        return None, None
    if kind == "proxycommand":
        return value, None
    if depth >= _MAX_JUMPS:
        raise ValueError(f"more than {_MAX_JUMPS} jump hosts in a row: does ProxyJump lead back to itself?")
    jump = _jump_connection(value, connection.config_file)
    jump_found = _options_of(jump)
    # 'Host *' with a ProxyJump applies to the jump host too, which is not to be reached through itself.
    if _identity(jump, jump_found) == _identity(connection, found):
        return None, None
    return None, _target(jump, settings, jump_found, depth + 1)


def _jump_connection(value: str, config_file: str | None) -> Connection:
    """The last host of a ProxyJump list, with the others as its own ProxyJump.

    The inventory's keys and options are not used: those of a jump host come from the SSH configuration.
    """
    before, _, last = value.rpartition(",")
    hop = _JUMP.fullmatch(last.strip())
    if hop is None:
        raise ValueError(f"'{last.strip()}' is no jump host: write user@host:port")
    return Connection(
        hop["ip6"] or hop["host"],
        port=int(hop["port"]) if hop["port"] else None,
        user=hop["user"],
        options=(("proxyjump", before),) if before else (),
        config_file=config_file,
    )


def _agent_socket(found: _Options) -> str | None:
    value = found.text("identityagent", "SSH_AUTH_SOCK")
    if value.lower() == "none":
        return None
    return (os.environ.get("SSH_AUTH_SOCK") if value == "SSH_AUTH_SOCK" else _path(value)) or None


def _methods(found: _Options) -> tuple[str, ...]:
    keyboard = found.flag("kbdinteractiveauthentication", found.flag("challengeresponseauthentication", True))
    allowed = {
        "publickey": found.flag("pubkeyauthentication", True),
        "keyboard-interactive": keyboard,
        "password": found.flag("passwordauthentication", True),
    }
    wanted = found.text("preferredauthentications", _METHODS).split(",")
    return tuple(method for method in wanted if allowed.get(method))


def _algorithms(found: _Options) -> tuple[tuple[Algorithms, str], ...]:
    values = {kind: found.text(kind.value.lower()) for kind in Algorithms}
    older_name = found.text("pubkeyacceptedkeytypes")
    values[Algorithms.PUBLIC_KEYS] = values[Algorithms.PUBLIC_KEYS] or older_name
    return tuple((kind, value) for kind, value in values.items() if value)


def _path(value: str) -> str:
    if value.startswith("$"):
        value = os.path.expandvars(value)
    return os.path.expanduser(value)  # noqa: PTH111 - a leading '~user' that does not exist stays as it is


def _glob(pattern: str) -> str:
    return re.escape(pattern.lower()).replace(r"\*", ".*").replace(r"\?", ".") if pattern else "(?!)"
