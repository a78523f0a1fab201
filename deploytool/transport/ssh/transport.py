"""A host over SSH, as the engine sees it: connects at the first command and again after a lost connection.

The heavy libraries are imported with the first connection, so that looking at options stays cheap.
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
from deploytool.transport.base import Result, Stream, Terminal
from deploytool.transport.ssh.config_text import ConfigError
from deploytool.transport.ssh.control_master import ControlMaster
from deploytool.transport.ssh.lost import Lost
from deploytool.transport.ssh.settings import SshSettings
from deploytool.transport.sudo import Sudo

if TYPE_CHECKING:
    from deploytool.transport.ssh.connection import SshConnection
    from deploytool.transport.ssh.target import Target


_LEAST_S = 1.0  # to connect, whatever a kept connection took

T = TypeVar("T")
W = TypeVar("W", bound="SshConnection | ControlMaster")


class SshTransport:
    """Runs commands on one host, on one connection. Any thread may use it, several at a time."""

    def __init__(self, host_name: str, connection: Connection, settings: SshSettings | None = None) -> None:
        self._host_name = host_name
        self._connection = connection
        self._settings = settings or SshSettings()
        self._connecting = threading.Lock()  # held for as long as that takes
        self._target: Target | None = None
        self._state = threading.Lock()  # of what is below; held for a moment
        self._closed = 0
        self._link: SshConnection | None = None
        self._kept = self._keeping()

    def _keeping(self) -> ControlMaster | None:
        """What may keep a connection for later runs; None where nothing can."""
        if not self._settings.keep_s or self._connection.password is not None:
            return None
        try:
            return ControlMaster(self._host_name, self._connection, self._settings)
        except ConfigError:
            return None  # connecting will say so

    def prepare(self) -> None:
        """Import what connecting needs, which takes long; not where a connection is kept that needs less."""
        if self._kept is None or not self._kept.there:
            from deploytool.transport.ssh import connect  # noqa: F401

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
        """Run ``argv`` and wait for it, as ``Transport.run`` promises. Connecting has a deadline of its own.

        Raises:
            HostUnreachable: with ``setup`` where someone has to set right a host key, a login, sudo or an
                option; without, where there is no connection, it was lost, or the command did not end.
        """
        way, sudo = self._way(), self._sudo()
        if sudo is None:
            return self._run(way, argv, argv[0], stdin, timeout_s)
        wrapped = sudo.wrap(argv, stdin)
        return sudo.unwrap(self._run(way, wrapped.argv, argv[0], wrapped.stdin, timeout_s))

    def stream(
        self, argv: Sequence[str], *, terminal: Terminal | None = None, timeout_s: float = 60.0
    ) -> Stream:
        """Begin ``argv`` and return while it runs, as ``Transport.stream`` promises.

        It is never on a connection that is kept for other runs: it lasts, and wants signs of life.

        Raises:
            HostUnreachable: as ``run``.
        """
        link, sudo = self._own(), self._sudo()

        def begin(words: Sequence[str]) -> Stream:
            return self._stream(link, words, argv[0], terminal, timeout_s)

        return begin(argv) if sudo is None else sudo.stream(argv, terminal, begin)

    def close(self) -> None:
        """Give the connection back. A command that still runs ends with HostUnreachable.

        Nobody waits for a connection that is being made: it is given up once it is there, or is not.
        """
        with self._state:
            self._closed += 1
            link, self._link = self._link, None
        for one in (link, self._kept):
            if one is not None:
                one.close()

    def _sudo(self) -> Sudo | None:
        become = self._connection.become
        if become is None:
            return None
        return Sudo.needed(self._host_name, self._connection.user or self._resolved().user, become)

    def _run(
        self,
        way: SshConnection | ControlMaster,
        argv: Sequence[str],
        name: str,
        stdin: bytes,
        timeout_s: float,
    ) -> Result:
        command = shlex.join(argv)

        def begin(on: SshConnection | ControlMaster, left_s: float) -> Result:
            return on.run(command, name, stdin, left_s)

        return self._once_more(way, name, timeout_s, begin)

    def _stream(
        self, link: SshConnection, argv: Sequence[str], name: str, terminal: Terminal | None, timeout_s: float
    ) -> Stream:
        # Without a shell of its own in between, which would answer to a terminal's ^C beside the command.
        command = f"exec {shlex.join(argv)}"

        def begin(on: SshConnection, left_s: float) -> Stream:
            return on.stream(command, name, terminal, left_s)

        return self._once_more(link, name, timeout_s, begin)

    def _once_more(
        self, way: W, name: str, timeout_s: float, begin: Callable[[W | SshConnection, float], T]
    ) -> T:
        """Begin a command, and once more on a new connection where the old one turns out to be gone."""
        begun = time.monotonic()
        spent_s = 0.0
        try:
            return begin(way, timeout_s)
        except Lost:
            if isinstance(way, ControlMaster):
                way.give_up()
                spent_s = time.monotonic() - begun
            else:
                way.close()
        try:
            return begin(self._own(spent_s), max(0.0, begun + timeout_s - time.monotonic()))
        except Lost:
            message = f"the connection was lost before '{name}' began, twice"
            raise HostUnreachable(message, host=self._host_name) from None

    def _way(self) -> SshConnection | ControlMaster:
        """The connection for commands."""
        with self._connecting:
            return self._connected()

    def _own(self, spent_s: float = 0.0) -> SshConnection:
        """A connection that is not shared with other runs; of its deadline so much is over."""
        with self._connecting:
            return self._dialled(spent_s)

    def _connected(self) -> SshConnection | ControlMaster:
        kept = self._kept
        if kept is not None and (kept.there or kept.make(self._resolved())):
            return kept
        return self._dialled()

    def _dialled(self, spent_s: float = 0.0) -> SshConnection:
        with self._state:
            link, closed = self._link, self._closed
        if link is not None and link.alive:
            return link
        if link is not None:
            link.close()
        from deploytool.transport.ssh.connect import dial

        target = self._resolved()
        if spent_s:
            left_s = max(_LEAST_S, round(target.connect_timeout_s - spent_s, 1))
            target = replace(target, connect_timeout_s=left_s)
        link = dial(self._host_name, target, self._settings, self._connection.password)
        with self._state:
            if self._closed == closed:
                self._link = link
                return link
        link.close()
        raise HostUnreachable("the connection was closed while it was made", host=self._host_name)

    def _resolved(self) -> Target:
        if self._target is None:
            from deploytool.transport.ssh.target import resolve

            self._target = resolve(self._host_name, self._connection, self._settings)
        return self._target
