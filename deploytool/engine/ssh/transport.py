"""A host over SSH, as the engine sees it: connects at the first command and again after a lost connection.

The heavy libraries are imported with the first connection, so that looking at options stays cheap.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from deploytool.engine.base import Result
from deploytool.engine.become import Sudo
from deploytool.engine.ssh.settings import SshSettings
from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Connection

if TYPE_CHECKING:
    from deploytool.engine.ssh.link import Link
    from deploytool.engine.ssh.target import Target


class SshTransport:
    """Runs commands on one host, on one connection. Any thread may use it, several at a time."""

    def __init__(self, host_name: str, connection: Connection, settings: SshSettings | None = None) -> None:
        self._host_name = host_name
        self._connection = connection
        self._settings = settings or SshSettings()
        self._lock = threading.Lock()
        self._target: Target | None = None
        self._link: Link | None = None

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
        """Run ``argv`` and wait for it, as ``Transport.run`` promises. Connecting has a deadline of its own.

        Raises:
            HostUnreachable: with ``setup`` where someone has to set right a host key, a login, sudo or an
                option; without, where there is no connection, it was lost, or the command did not end.
        """
        link = self._connected()
        sudo = Sudo.needed(self._host_name, link.target.user, self._connection.become)
        if sudo is None:
            return self._run(link, argv, argv[0], stdin, timeout_s)
        wrapped = sudo.wrap(argv, stdin)
        return sudo.unwrap(self._run(link, wrapped.argv, argv[0], wrapped.stdin, timeout_s))

    def close(self) -> None:
        """Give the connection back. A command that still runs ends with HostUnreachable."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.close()

    def _run(self, link: Link, argv: Sequence[str], name: str, stdin: bytes, timeout_s: float) -> Result:
        from deploytool.engine.ssh.link import Lost

        command, end = shlex.join(argv), time.monotonic() + timeout_s
        try:
            return link.run(command, name, stdin, timeout_s)
        except Lost:
            link.close()
        try:
            return self._connected().run(command, name, stdin, max(0.0, end - time.monotonic()))
        except Lost:
            message = f"the connection was lost before '{name}' began, twice"
            raise HostUnreachable(message, host=self._host_name) from None

    def _connected(self) -> Link:
        from deploytool.engine.ssh.dial import dial
        from deploytool.engine.ssh.target import resolve

        with self._lock:
            if self._link is not None and self._link.alive:
                return self._link
            if self._link is not None:
                self._link.close()
                self._link = None
            if self._target is None:
                self._target = resolve(self._host_name, self._connection, self._settings)
            self._link = dial(self._host_name, self._target, self._settings, self._connection.password)
            return self._link
