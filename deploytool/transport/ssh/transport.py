"""A host over SSH, as backends use it: connects at the first command, and again after a lost connection.

fabric and paramiko are imported with the first connection, since commands that connect to nothing have to be
quick.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Connection
from deploytool.transport.base import CommandNotStarted, Result, Stream, Terminal
from deploytool.transport.ssh.config_text import ConfigError
from deploytool.transport.ssh.control_master import ControlMaster
from deploytool.transport.ssh.settings import SshSettings
from deploytool.transport.ssh.target import Target
from deploytool.transport.sudo import Sudo

if TYPE_CHECKING:
    from deploytool.transport.ssh.connection import SshConnection


_LEAST_CONNECT_S = 1.0  # for a new connection, however long the control master has taken

T = TypeVar("T")
C = TypeVar("C", bound="SshConnection | ControlMaster")


class SshTransport:
    """Runs commands on one host, on one connection. Any thread may use it, several at a time."""

    def __init__(self, host_name: str, connection: Connection, settings: SshSettings | None = None) -> None:
        self._host_name = host_name
        self._parameters = connection
        self._settings = settings or SshSettings()
        self._connecting = threading.Lock()  # held while a connection is being made
        self._target: Target | None = None
        self._state = threading.Lock()  # guards the two attributes below; held for a moment only
        self._closed = 0
        self._connection: SshConnection | None = None
        self._control_master = self._new_control_master()

    def _new_control_master(self) -> ControlMaster | None:
        """None where no connection is to be kept, or OpenSSH would have to ask for a password."""
        if not self._settings.control_persist_s or self._parameters.password is not None:
            return None
        try:
            return ControlMaster(self._host_name, self._parameters, self._settings)
        except ConfigError:
            return None  # connecting raises it as HostUnreachable

    def prepare(self) -> None:
        """Import the SSH libraries, which takes long; not where a control master makes them unnecessary."""
        if self._control_master is None or not self._control_master.available:
            from deploytool.transport.ssh import connect  # noqa: F401

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
        """Run ``argv`` and wait for it, as ``Transport.run`` promises. Connecting has a deadline of its own.

        Raises:
            HostUnreachable: with ``setup`` where the user has to correct a host key, a login, sudo or an
                option; without, where there is no connection, it was lost, or the command did not end.
        """
        connection, sudo = self._shared(), self._sudo()
        if sudo is None:
            return self._run(connection, argv, argv[0], stdin, timeout_s)
        wrapped = sudo.wrap(argv, stdin)
        return sudo.unwrap(self._run(connection, wrapped.argv, argv[0], wrapped.stdin, timeout_s))

    def stream(
        self, argv: Sequence[str], *, terminal: Terminal | None = None, timeout_s: float = 60.0
    ) -> Stream:
        """Start ``argv`` and return while it runs, as ``Transport.stream`` promises.

        Never through a control master: a stream lasts, and needs the keepalives of this process.

        Raises:
            HostUnreachable: as ``run``.
        """
        connection, sudo = self._own(), self._sudo()

        def start(words: Sequence[str]) -> Stream:
            return self._stream(connection, words, argv[0], terminal, timeout_s)

        return start(argv) if sudo is None else sudo.stream(argv, terminal, start)

    def close(self) -> None:
        """Close the connection. A command that still runs ends with HostUnreachable.

        A connection that is being made is not waited for: whoever makes it closes it.
        """
        with self._state:
            self._closed += 1
            connection, self._connection = self._connection, None
        for one in (connection, self._control_master):
            if one is not None:
                one.close()

    def _sudo(self) -> Sudo | None:
        become = self._parameters.become
        if become is None:
            return None
        return Sudo.needed(self._host_name, self._parameters.user or self._resolved().user, become)

    def _run(
        self,
        connection: SshConnection | ControlMaster,
        argv: Sequence[str],
        name: str,
        stdin: bytes,
        timeout_s: float,
    ) -> Result:
        command = shlex.join(argv)

        def start(on: SshConnection | ControlMaster, left_s: float) -> Result:
            return on.run(command, name, stdin, left_s)

        return self._started(connection, name, timeout_s, start)

    def _stream(
        self,
        connection: SshConnection,
        argv: Sequence[str],
        name: str,
        terminal: Terminal | None,
        timeout_s: float,
    ) -> Stream:
        # ``exec``: a shell in between would receive a terminal's ^C as well as the command.
        command = f"exec {shlex.join(argv)}"

        def start(on: SshConnection, left_s: float) -> Stream:
            return on.stream(command, name, terminal, left_s)

        return self._started(connection, name, timeout_s, start)

    def _started(
        self, connection: C, name: str, timeout_s: float, start: Callable[[C | SshConnection, float], T]
    ) -> T:
        """Start a command; once more on a new connection if it did not start because the old one was lost."""
        begun = time.monotonic()
        spent_s = 0.0
        try:
            return start(connection, timeout_s)
        except CommandNotStarted:
            if isinstance(connection, ControlMaster):
                connection.abandon()
                spent_s = time.monotonic() - begun
            else:
                connection.close()
        try:
            return start(self._own(spent_s), max(0.0, begun + timeout_s - time.monotonic()))
        except CommandNotStarted:
            message = f"the connection was lost before '{name}' began, twice"
            raise HostUnreachable(message, host=self._host_name) from None

    def _shared(self) -> SshConnection | ControlMaster:
        """The control master where one can be used, else the connection of this process."""
        with self._connecting:
            master = self._control_master
            if master is not None and (master.available or master.start(self._resolved())):
                return master
            return self._connected()

    def _own(self, spent_s: float = 0.0) -> SshConnection:
        """The connection of this process; ``spent_s`` of its connect deadline are over already."""
        with self._connecting:
            return self._connected(spent_s)

    def _connected(self, spent_s: float = 0.0) -> SshConnection:
        with self._state:
            connection, closed = self._connection, self._closed
        if connection is not None and connection.alive:
            return connection
        if connection is not None:
            connection.close()
        connection = self._connect(spent_s)
        with self._state:
            if self._closed == closed:
                self._connection = connection
                return connection
        connection.close()
        raise HostUnreachable("the connection was closed while it was made", host=self._host_name)

    def _connect(self, spent_s: float) -> SshConnection:
        from deploytool.transport.ssh.connect import connect

        target = self._resolved()
        if spent_s:
            left_s = max(_LEAST_CONNECT_S, round(target.connect_timeout_s - spent_s, 1))
            target = replace(target, connect_timeout_s=left_s)
        return connect(self._host_name, target, self._settings, self._parameters.password)

    def _resolved(self) -> Target:
        if self._target is None:
            from deploytool.transport.ssh.resolve import resolve

            self._target = resolve(self._host_name, self._parameters, self._settings)
        return self._target
