"""Connections that outlive a run: an OpenSSH process (a control master) keeps each for later runs.

They are made from the same ``Target`` as all others, with all options given, so that keys, host keys, jump
hosts and certificates mean the same. A connection for which OpenSSH would have to ask the user is not kept,
but made anew in each run; there, and where anything fails here, ``connect`` decides and reports why.

Source: ControlMaster, ControlPath and ControlPersist of ssh_config(5).
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from threading import Lock

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Connection
from deploytool.transport import processes
from deploytool.transport.base import Result
from deploytool.transport.futures import complete
from deploytool.transport.ssh import config_text
from deploytool.transport.ssh.control_protocol import ControlClient
from deploytool.transport.ssh.jump_hosts import START_LIMIT
from deploytool.transport.ssh.openssh_options import can_be_kept, options_of
from deploytool.transport.ssh.settings import SshSettings
from deploytool.transport.ssh.target import Target

_MAX_PERSIST_S = 2**31 - 1  # the longest time that ssh accepts
_NAME_LENGTH = 24
_MAX_DIRECTORY_LENGTH = 60  # of the 104 bytes of a socket's path; ssh appends 17 while it makes one


def socket_directory() -> str:
    """The directory of the control sockets, which only this user may enter; created if it is missing.

    Raises:
        ValueError: the directory cannot be used, or ssh is not installed.
    """
    if shutil.which("ssh") is None:
        raise ValueError("OpenSSH's 'ssh' is not installed here")
    base = os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = Path(base).expanduser() / "deploytool"
    if len(os.fsencode(path)) > _MAX_DIRECTORY_LENGTH:
        raise ValueError(f"the path {path} is too long for sockets; set XDG_RUNTIME_DIR to a shorter one")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise ValueError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    return str(path)


class ControlMaster:
    """The control master of one host. Any thread may use it, several at a time."""

    def __init__(self, host_name: str, connection: Connection, settings: SshSettings) -> None:
        """
        Raises:
            ConfigError: the SSH configuration cannot be read.
        """
        self._host_name = host_name
        self._settings = settings
        self._address = connection.address
        self._clients: set[ControlClient] = set()
        self._abandoned = False
        config = config_text.text_of(connection.config_file)
        # All that may lead to another host, or to another user there, makes another socket.
        parts = (connection.address, connection.port, connection.user, connection.key_files)
        self._path = _socket_path(settings, repr((*parts, connection.options, config)))

    @property
    def available(self) -> bool:
        """True if a control master seems to listen; ``run`` finds out."""
        return not self._abandoned and Path(self._path).is_socket()

    def start(self, target: Target) -> bool:
        """Have OpenSSH connect and log in within the target's deadline.

        False where it cannot, or would have to ask the user; then it is not tried again.

        Raises:
            HostUnreachable: no answer within the deadline.
        """
        if self._abandoned:
            return False
        try:
            login = _login_options(target, self._settings)
            if login is None:
                return False
            with START_LIMIT.slot(target.start_limit_key, self._settings.starts_per_address):
                started = _start(login, self._path, target, self._settings)
        except TimeoutError as error:
            raise HostUnreachable(str(error), host=self._host_name) from None
        self._abandoned = not started
        return started

    def abandon(self) -> None:
        """Use no control master for this host again in this run; the next run starts a new one."""
        self._abandoned = True
        with contextlib.suppress(OSError):
            Path(self._path).unlink()

    def run(self, command: str, name: str, stdin: bytes, timeout_s: float) -> Result:
        """As ``SshConnection.run``.

        Raises:
            CommandNotStarted: the command has not started, and will not.
            HostUnreachable: the connection was lost, or the command did not end within ``timeout_s``.
        """
        # Half of the time for connecting; the rest is left for a connection by ``connect``.
        with ControlClient(self._path, min(timeout_s, self._settings.connect_timeout_s / 2)) as client:
            self._clients.add(client)
            try:
                return client.run(command, stdin, timeout_s)
            except TimeoutError:
                client.stop_listening()
                self.abandon()
                why = f"did not end within {timeout_s:g} s"
            except EOFError:
                why = "ended without an exit code: the connection was lost, or a signal ended it"
            finally:
                self._clients.discard(client)
        raise HostUnreachable(f"'{name}' on {self._address} {why}", host=self._host_name)

    def close(self) -> None:
        """Interrupt the commands that run; they end with HostUnreachable. The connection stays open."""
        for client in tuple(self._clients):
            client.interrupt()


class JumpMasters:
    """Control masters of jump hosts, each started once a run, however many hosts are behind it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._commands: dict[Target, Future[tuple[str, ...] | None]] = {}

    def command(self, jump: Target, settings: SshSettings) -> tuple[str, ...] | None:
        """The ``ssh`` command line for streams through a jump host; None where OpenSSH cannot keep it.

        The first caller connects; the others wait for that attempt.

        Raises:
            TimeoutError: the jump host does not answer.
        """
        with self._lock:
            first = jump not in self._commands
            command = self._commands.setdefault(jump, Future())
        if first:
            complete(command, lambda: self._connect(jump, settings))
        return command.result()

    def _connect(self, jump: Target, settings: SshSettings) -> tuple[str, ...] | None:
        login = _login_options(jump, settings)
        path = _socket_path(settings, repr(jump))
        try:
            if login is None or not _start(login, path, jump, settings):
                return None
        except TimeoutError as error:
            raise TimeoutError(f"jump host {jump.name}: {error}") from None
        return ("ssh", *login, "-S", path)


JUMP_MASTERS = JumpMasters()


def _login_options(target: Target, settings: SshSettings) -> tuple[str, ...] | None:
    """The arguments for ``ssh`` to log in at a target; None where OpenSSH cannot.

    Raises:
        TimeoutError: the jump host does not answer.
    """
    if target.jump is None or not can_be_kept(target):
        return options_of(target, None)
    jump_command = JUMP_MASTERS.command(target.jump, settings)
    return None if jump_command is None else options_of(target, jump_command)


def _socket_path(settings: SshSettings, identity: str) -> str:
    name = sha256(identity.encode(errors="surrogateescape")).hexdigest()[:_NAME_LENGTH]
    return str(Path(settings.control_directory) / name)


def _start(login: Sequence[str], path: str, target: Target, settings: SshSettings) -> bool:
    """Start a control master with its socket at ``path``; false where ssh cannot connect or log in.

    ``ssh`` runs ``true`` on the host, leaves the control master behind, and ends.

    Raises:
        TimeoutError: no answer within the target's deadline.
    """
    persist_s = min(math.ceil(settings.control_persist_s), _MAX_PERSIST_S)
    control = ("-S", path, "-o", "ControlMaster=auto", "-o", f"ControlPersist={persist_s}")
    argv = ("ssh", *login, *control, "-T", "--", target.address, "true")
    try:
        process = processes.start(argv, subprocess.DEVNULL, subprocess.DEVNULL, subprocess.DEVNULL)
    except OSError:
        return False
    try:
        return process.wait(target.connect_timeout_s) == 0
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"no answer from {target.where} within {target.connect_timeout_s:g} s") from None
    finally:
        processes.end(process)
