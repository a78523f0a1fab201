"""Connections that outlive a run: a process of OpenSSH keeps each of them for the runs that follow.

They are made from the same ``Target`` as all others, with nothing left for ssh to find out by itself, so that
keys, host keys, jump hosts and certificates mean the same. What OpenSSH cannot do without asking somebody is
not kept, but made anew in each run: then, and where anything fails here, ``dial`` decides and says why.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Connection
from deploytool.transport import processes
from deploytool.transport.base import Result
from deploytool.transport.futures import settle
from deploytool.transport.ssh import config_text
from deploytool.transport.ssh.control_protocol import Master
from deploytool.transport.ssh.settings import SshSettings

if TYPE_CHECKING:
    from deploytool.transport.ssh.target import Target

_LONGEST_S = 2**31 - 1  # that ssh takes as a time
_NAME_LENGTH = 24
_LONGEST_FOLDER = 60  # of the 104 bytes that a socket's path may have; ssh appends 17 while it makes one
_PLAIN = re.compile(r'[^"\\$%\r\n\0]*')  # what ssh takes as it stands between quotes
_ALGORITHMS = {
    "ciphers": "Ciphers",
    "macs": "MACs",
    "kex": "KexAlgorithms",
    "keys": "HostKeyAlgorithms",
    "pubkeys": "PubkeyAcceptedAlgorithms",
}


def folder() -> str:
    """Where the sockets are: a folder of this user's alone, which is made.

    Raises:
        ValueError: there is no such place, or no ssh.
    """
    if shutil.which("ssh") is None:
        raise ValueError("OpenSSH's 'ssh' is not installed here")
    base = os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = Path(base).expanduser() / "deploytool"
    if len(os.fsencode(path)) > _LONGEST_FOLDER:
        raise ValueError(f"the path {path} is too long for sockets; set XDG_RUNTIME_DIR to a shorter one")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise ValueError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    return str(path)


class ControlMaster:
    """The way to one host by a process of OpenSSH that holds a connection to it, if there is one."""

    def __init__(self, host_name: str, connection: Connection, settings: SshSettings) -> None:
        """
        Raises:
            ConfigError: the SSH configuration cannot be read.
        """
        self._host_name = host_name
        self._settings = settings
        self._address = connection.address
        self._running: set[Master] = set()
        self._given_up = False
        config = config_text.text_of(connection.config_file)
        # Whatever may lead to another host, or to another user there, is another connection.
        told = (connection.address, connection.port, connection.user, connection.key_files)
        self._path = _path(settings, repr((*told, connection.options, config)))

    @property
    def there(self) -> bool:
        """Whether a process seems to hold the connection; ``run`` will tell."""
        return not self._given_up and Path(self._path).is_socket()

    def make(self, target: Target) -> bool:
        """Have OpenSSH connect and log in within the target's deadline.

        False where it cannot, or would have to ask somebody; then it is not tried again.

        Raises:
            HostUnreachable: the deadline is over.
        """
        from deploytool.transport.ssh.jump_hosts import STARTS

        if self._given_up:
            return False
        try:
            login = _options(target, self._settings)
            if login is None:
                return False
            with STARTS.at(target.starts_key, self._settings.starts_per_address):
                made = _made(login, self._path, target, self._settings)
        except TimeoutError as error:
            raise HostUnreachable(str(error), host=self._host_name) from None
        self._given_up = not made
        return made

    def give_up(self) -> None:
        """Do not try this way again in this run; the next one makes a connection anew."""
        self._given_up = True
        with contextlib.suppress(OSError):
            Path(self._path).unlink()

    def run(self, command: str, name: str, stdin: bytes, timeout_s: float) -> Result:
        """As ``Link.run``.

        Raises:
            Lost: the command has not begun, and will not.
            HostUnreachable: the connection broke, or the command did not end within ``timeout_s``.
        """
        # Half of the time that connecting has; the rest is left for a connection of the run's own.
        with Master(self._path, min(timeout_s, self._settings.connect_timeout_s / 2)) as master:
            self._running.add(master)
            try:
                return master.run(command, stdin, timeout_s)
            except TimeoutError:
                master.let_go()
                self.give_up()
                why = f"did not end within {timeout_s:g} s"
            except EOFError:
                why = "ended without an exit code: the connection was lost, or a signal ended it"
            finally:
                self._running.discard(master)
        raise HostUnreachable(f"'{name}' on {self._address} {why}", host=self._host_name)

    def close(self) -> None:
        """Let go of it: a command that still runs ends with HostUnreachable. The connection stays."""
        for master in tuple(self._running):
            master.interrupt()


def _path(settings: SshSettings, told: str) -> str:
    return str(
        Path(settings.keep_in) / sha256(told.encode(errors="surrogateescape")).hexdigest()[:_NAME_LENGTH]
    )


def _made(login: Sequence[str], path: str, target: Target, settings: SshSettings) -> bool:
    """Have a process keep a connection at ``path``; it stays when the one that is waited for has ended.

    Raises:
        TimeoutError: no answer within the target's deadline.
    """
    keep_s = min(math.ceil(settings.keep_s), _LONGEST_S)
    keep = ("-S", path, "-o", "ControlMaster=auto", "-o", f"ControlPersist={keep_s}")
    nothing = subprocess.DEVNULL
    argv = ("ssh", *login, *keep, "-T", "--", target.address, "true")
    try:
        process = processes.begin(argv, nothing, nothing, nothing)
    except OSError:
        return False
    try:
        return process.wait(target.connect_timeout_s) == 0
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"no answer from {target.where} within {target.connect_timeout_s:g} s") from None
    finally:
        processes.end(process)


def _options(target: Target, settings: SshSettings) -> tuple[str, ...] | None:
    """What ssh has to be told to log in there and nowhere else; None where it cannot be told."""
    if "publickey" not in target.methods or target.forward_agent:
        return None
    values = dict(_values(target))
    if target.jump is not None:
        way = JUMPS.to(target.jump, settings)
        if way is None:
            return None
        through = (*way, "-W", f"[{target.address}]:{target.port}", "--", target.jump.address)
        values["ProxyCommand"] = shlex.join(through).replace("%", "%%")
    elif target.proxy_command is not None:
        values["ProxyCommand"] = target.command.replace("%", "%%")
    lists = (("IdentityFile", target.key_files), ("CertificateFile", target.certificate_files))
    pairs = [*values.items(), *((key, _quoted(path)) for key, paths in lists for path in paths)]
    if any(value is None for _, value in pairs):
        return None
    return ("-F", "none", *(word for key, value in pairs for word in ("-o", f"{key}={value}")))


class Jumps:
    """Jump hosts, each connected to once, however many hosts are behind it, and kept as those are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ways: dict[Target, Future[tuple[str, ...] | None]] = {}

    def to(self, jump: Target, settings: SshSettings) -> tuple[str, ...] | None:
        """The command for a stream through a jump host; None where it cannot be kept.

        Whoever comes first connects; the others wait for that one attempt.

        Raises:
            TimeoutError: the jump host does not answer.
        """
        with self._lock:
            first = jump not in self._ways
            way = self._ways.setdefault(jump, Future())
        if first:
            settle(way, lambda: self._way(jump, settings))
        return way.result()

    def _way(self, jump: Target, settings: SshSettings) -> tuple[str, ...] | None:
        login = _options(jump, settings)
        path = _path(settings, repr(jump))
        try:
            if login is None or not _made(login, path, jump, settings):
                return None
        except TimeoutError as error:
            raise TimeoutError(f"jump host {jump.name}: {error}") from None
        return ("ssh", *login, "-S", path)


JUMPS = Jumps()


def _values(target: Target) -> Iterator[tuple[str, str | None]]:
    yield from (("Port", str(target.port)), ("User", target.user), ("BatchMode", "yes"))
    yield "StrictHostKeyChecking", "accept-new" if target.accept_new else "yes"
    yield "UserKnownHostsFile", _list(target.known_hosts)
    yield "GlobalKnownHostsFile", _list(target.global_known_hosts)
    yield "HashKnownHosts", _flag(target.hash_known_hosts)
    if target.alias:
        yield "HostKeyAlias", target.host_key_name
    yield "PreferredAuthentications", "publickey"
    yield "IdentitiesOnly", _flag(target.identities_only)
    yield "IdentityAgent", _quoted(target.agent) if target.agent else "none"
    yield "ConnectTimeout", str(math.ceil(target.connect_timeout_s) + 1)  # that of ``make`` comes first
    yield "ServerAliveInterval", str(target.keepalive_s)
    yield "ServerAliveCountMax", str(target.keepalive_max)
    yield "AddressFamily", target.family
    if target.bind_address:
        yield "BindAddress", target.bind_address
    yield "Compression", _flag(target.compress)
    for kind, wanted in target.algorithms:
        yield _ALGORITHMS[kind], wanted


def _flag(value: bool) -> str:
    return "yes" if value else "no"


def _list(paths: tuple[str, ...]) -> str | None:
    quoted = [_quoted(path) for path in paths]
    return None if None in quoted else " ".join(filter(None, quoted)) or "none"


def _quoted(path: str) -> str | None:
    return f'"{path}"' if _PLAIN.fullmatch(path) else None
