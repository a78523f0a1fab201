"""What one connection needs to know: the inventory, the SSH configuration and the settings put together.

Reads the SSH configuration (through ``config``) and nothing else; connects to nothing.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Connection
from deploytool.transport.ssh import config
from deploytool.transport.ssh.config_text import ConfigError
from deploytool.transport.ssh.options import HARMLESS, HONOURED, unsupported_options
from deploytool.transport.ssh.settings import SshSettings

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
_JUMP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?:\[(?P<ip6>[^]]+)\]|(?P<host>[^:@]+))(?::(?P<port>\d+))?/?"
)
_UNSAFE = re.compile(r"[\s\"'`$\\;&<>|(){}\0]|^-")


@dataclass(frozen=True, slots=True)
class Target:
    """One sshd and how to log in there. Equal targets can share a connection.

    ``name`` is what was asked for, ``address`` what is connected to. ``methods`` are ways to log in, in
    order. ``algorithms`` maps ciphers, macs, kex, keys and pubkeys to an OpenSSH list such as ``+a,b``.
    ``keys_given`` tells key files that somebody named from the default ones. ``proxy_command`` is as written.
    """

    name: str
    address: str
    port: int
    user: str
    key_files: tuple[str, ...]
    keys_given: bool
    certificate_files: tuple[str, ...]
    identities_only: bool
    agent: str | None
    methods: tuple[str, ...]
    known_hosts: tuple[str, ...]
    global_known_hosts: tuple[str, ...]
    host_key_name: str
    alias: bool
    accept_new: bool
    hash_known_hosts: bool
    connect_timeout_s: float
    attempts: int
    keepalive_s: int
    keepalive_max: int
    forward_agent: bool
    compress: bool
    family: str
    bind_address: str | None
    ask_passphrase: bool
    algorithms: tuple[tuple[str, str], ...]
    proxy_command: str | None = None
    jump: Target | None = None

    @property
    def where(self) -> str:
        """Address and port for people."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def starts_key(self) -> str:
        """What limits concurrent connection starts: a ProxyCommand as written, or the sshd itself."""
        return self.proxy_command or self.where

    @property
    def command(self) -> str:
        """The ProxyCommand with its tokens filled in; empty where there is none."""
        tokens = self._tokens()
        return re.sub("%[hnpr%]", lambda found: tokens[found[0]], self.proxy_command or "")

    def check_command(self) -> None:
        """A ProxyCommand goes to a shell, so the names in it must hold nothing that a shell reads.

        Raises:
            ValueError: one does.
        """
        for token, value in self._tokens().items():
            if token in (self.proxy_command or "") and _UNSAFE.search(value):
                raise ValueError(f"'{value}' cannot be put into a ProxyCommand: the shell would read it")

    def _tokens(self) -> dict[str, str]:
        return {"%h": self.address, "%n": self.name, "%p": str(self.port), "%r": self.user, "%%": "%"}


def resolve(host_name: str, connection: Connection, settings: SshSettings) -> Target:
    """What ``ssh`` would be told for this host.

    Raises:
        HostUnreachable: with ``setup``: an option without a meaning here, or a broken configuration.
    """
    try:
        return _target(connection, settings, _look_up(connection), 0)
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


def _look_up(connection: Connection) -> _Options:
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
    """Typed access to what the configuration says about one host."""

    def __init__(self, found: Mapping[str, str | list[str] | None]) -> None:
        self.found = found

    def refuse_unsupported(self) -> None:
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
    timeout_s = found.text("connecttimeout").lower().replace("none", "")
    target = Target(
        name=connection.address,
        address=address,
        port=port,
        user=user,
        key_files=found.paths("identityfile") if keys_given else tuple(map(_path, _DEFAULT_KEYS)),
        keys_given=keys_given,
        certificate_files=found.paths("certificatefile"),
        identities_only=found.flag("identitiesonly", False),
        agent=_agent(found),
        methods=_methods(found),
        known_hosts=found.paths("userknownhostsfile", _USER_KNOWN_HOSTS),
        global_known_hosts=found.paths("globalknownhostsfile", _GLOBAL_KNOWN_HOSTS),
        host_key_name=(alias or (address if port == 22 else f"[{address}]:{port}")).lower(),
        alias=bool(alias),
        accept_new=settings.accept_new_host_keys
        or found.text("stricthostkeychecking").lower() == "accept-new",
        hash_known_hosts=found.flag("hashknownhosts", False),
        connect_timeout_s=found.number("connecttimeout", 1, 1) if timeout_s else settings.connect_timeout_s,
        attempts=max(3, found.number("connectionattempts", 1, 1)),
        keepalive_s=found.number("serveraliveinterval", settings.keepalive_s),
        keepalive_max=found.number("serveralivecountmax", 3, 1),
        forward_agent=found.flag("forwardagent", False),
        compress=found.flag("compression", False),
        family=found.text("addressfamily", "any").lower(),
        bind_address=found.text("bindaddress") or None,
        ask_passphrase=not found.flag("batchmode", False),
        algorithms=_algorithms(found),
        proxy_command=proxy_command,
        jump=jump,
    )
    target.check_command()
    return target


def _proxy(
    connection: Connection, settings: SshSettings, found: _Options, depth: int
) -> tuple[str | None, Target | None]:
    """ProxyCommand or ProxyJump: whichever comes first, as in ssh."""
    kind = next((key for key in found.found if key in ("proxycommand", "proxyjump")), "")
    value = found.text(kind) if kind else ""
    if not value or value.lower() == "none":
        return None, None
    if kind == "proxycommand":
        return value, None
    if depth >= _MAX_JUMPS:
        raise ValueError(f"more than {_MAX_JUMPS} jump hosts in a row: does ProxyJump lead back to itself?")
    jump = _jump_connection(value, connection.config_file)
    jump_found = _look_up(jump)
    # 'Host *' with a ProxyJump covers the jump host as well, which is not meant to jump through itself.
    if _identity(jump, jump_found) == _identity(connection, found):
        return None, None
    return None, _target(jump, settings, jump_found, depth + 1)


def _jump_connection(value: str, config_file: str | None) -> Connection:
    """The last hop, behind those before it. Its keys and options come from the SSH configuration alone."""
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


def _agent(found: _Options) -> str | None:
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


def _algorithms(found: _Options) -> tuple[tuple[str, str], ...]:
    options = {
        "ciphers": "ciphers",
        "macs": "macs",
        "kex": "kexalgorithms",
        "keys": "hostkeyalgorithms",
        "pubkeys": "pubkeyacceptedalgorithms",
    }
    older = found.text("pubkeyacceptedkeytypes")
    values = {kind: found.text(option) for kind, option in options.items()}
    values["pubkeys"] = values["pubkeys"] or older
    return tuple((kind, value) for kind, value in values.items() if value)


def _path(value: str) -> str:
    if value.startswith("$"):
        value = os.path.expandvars(value)
    return os.path.expanduser(value)  # noqa: PTH111 - a leading '~user' that does not exist stays as it is


def _glob(pattern: str) -> str:
    return re.escape(pattern.lower()).replace(r"\*", ".*").replace(r"\?", ".") if pattern else "(?!)"
