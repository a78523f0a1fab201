"""A host over SSH, as the engine sees it: connects at the first command and again after a lost connection.

The heavy libraries are imported with the first connection, so that looking at options stays cheap.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from deploytool.engine.base import Result, Stream, Terminal
from deploytool.engine.become import Sudo
from deploytool.engine.ssh.settings import SshSettings
from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Connection

if TYPE_CHECKING:
    from deploytool.engine.ssh.link import Link
    from deploytool.engine.ssh.target import Target

T = TypeVar("T")


class SshTransport:
    """Runs commands on one host, on one connection. Any thread may use it, several at a time."""

    def __init__(self, host_name: str, connection: Connection, settings: SshSettings | None = None) -> None:
        self._host_name = host_name
        self._connection = connection
        self._settings = settings or SshSettings()
        self._connecting = threading.Lock()  # held for as long as that takes
        self._target: Target | None = None
        self._failure: HostUnreachable | None = None  # of ``begin``, for the first command
        self._state = threading.Lock()  # of what is below; held for a moment
        self._closed = 0
        self._link: Link | None = None

    def begin(self) -> None:
        """Begin to connect, as ``Transport.begin`` promises; not where somebody may be asked a passphrase."""
        if self._settings.passphrase is not None:
            return
        from deploytool.engine.ssh import dial  # noqa: F401 - here, since others go on importing meanwhile

        threading.Thread(target=self._begin, name=f"connect {self._host_name}", daemon=True).start()

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

    def stream(
        self, argv: Sequence[str], *, terminal: Terminal | None = None, timeout_s: float = 60.0
    ) -> Stream:
        """Begin ``argv`` and return while it runs, as ``Transport.stream`` promises.

        Raises:
            HostUnreachable: as ``run``.
        """
        link = self._connected()
        sudo = Sudo.needed(self._host_name, link.target.user, self._connection.become)

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
        if link is not None:
            link.close()

    def _run(self, link: Link, argv: Sequence[str], name: str, stdin: bytes, timeout_s: float) -> Result:
        command = shlex.join(argv)
        return self._once_more(link, name, timeout_s, lambda on, left_s: on.run(command, name, stdin, left_s))

    def _stream(
        self, link: Link, argv: Sequence[str], name: str, terminal: Terminal | None, timeout_s: float
    ) -> Stream:
        # Without a shell of its own in between, which would answer to a terminal's ^C beside the command.
        command = f"exec {shlex.join(argv)}"
        return self._once_more(
            link, name, timeout_s, lambda on, left_s: on.stream(command, name, terminal, left_s)
        )

    def _once_more(self, link: Link, name: str, timeout_s: float, begin: Callable[[Link, float], T]) -> T:
        """Begin a command, and once more on a new connection where the old one turns out to be gone."""
        from deploytool.engine.ssh.link import Lost

        end = time.monotonic() + timeout_s
        try:
            return begin(link, timeout_s)
        except Lost:
            link.close()
        try:
            return begin(self._connected(), max(0.0, end - time.monotonic()))
        except Lost:
            message = f"the connection was lost before '{name}' began, twice"
            raise HostUnreachable(message, host=self._host_name) from None

    def _begin(self) -> None:
        with self._connecting:
            try:
                self._connect()
            except HostUnreachable as error:
                self._failure = error

    def _connected(self) -> Link:
        with self._connecting:
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            return self._connect()

    def _connect(self) -> Link:
        from deploytool.engine.ssh.dial import dial
        from deploytool.engine.ssh.target import resolve

        with self._state:
            link, closed = self._link, self._closed
        if link is not None and link.alive:
            return link
        if link is not None:
            link.close()
        if self._target is None:
            self._target = resolve(self._host_name, self._connection, self._settings)
        link = dial(self._host_name, self._target, self._settings, self._connection.password)
        with self._state:
            if self._closed == closed:
                self._link = link
                return link
        link.close()
        raise HostUnreachable("the connection was closed while it was made", host=self._host_name)
