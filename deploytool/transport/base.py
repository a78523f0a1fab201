"""The interface to a host: a ``Transport`` runs commands on it, a ``Stream`` is one running command.

A transport belongs to one host and may be used by several threads at a time. Streams share its connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Result:
    """Exit code and output of a command that has ended. A command that signal n ended has code 128 + n."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes that a running command wrote. Both empty: it wrote nothing within the time limit of the read."""

    stdout: bytes = b""
    stderr: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.stdout or self.stderr)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal for a command: its type, as in TERM, and its size in characters."""

    kind: str = "xterm-256color"
    columns: int = 80
    rows: int = 24


class CommandNotStarted(Exception):
    """The connection was lost before the command started on the host: it can be run on another one."""


class Stream(Protocol):
    """A running command. One thread reads; any thread may send, resize and close.

    Output that is not read yet is kept; when the buffers are full, the command blocks in its write.
    """

    @property
    def exit_code(self) -> int | None:
        """Exit code, 128 + n where signal n ended it. None while the command runs, and after ``close``."""
        ...

    def read(self, timeout_s: float | None = None) -> Output | None:
        """The output since the last call, waiting up to ``timeout_s`` for some; None after the last of it.

        A command may be silent for any time, as long as its host answers keepalives.

        Raises:
            HostUnreachable: the connection was lost, or the host stopped answering.
        """
        ...

    def send(self, data: bytes) -> None:
        """Write to stdin, blocking while its buffer is full; dropped where the command has closed it."""
        ...

    def end_input(self) -> None:
        """Close stdin. No effect on a terminal: there, send the key that ends the command."""
        ...

    def resize(self, terminal: Terminal) -> None:
        """Tell the command its terminal's new size. No effect without a terminal."""
        ...

    def close(self) -> None:
        """Close stdin and stop reading; a waiting ``read`` returns at once. May be repeated."""
        ...


class Transport(Protocol):
    """Runs commands on one host. Connects at the first command and keeps the connection."""

    def prepare(self) -> None:
        """Do in advance the part of connecting that needs no host, such as importing libraries."""
        ...

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
        """Run ``argv`` with ``stdin`` as its whole input, and wait for it.

        A non-zero exit code is a result, not an error.

        Raises:
            HostUnreachable: no connection, connection lost, or no end within ``timeout_s``.
        """
        ...

    def stream(
        self, argv: Sequence[str], *, terminal: Terminal | None = None, timeout_s: float = 60.0
    ) -> Stream:
        """Start ``argv`` and return while it runs; with ``terminal``, on a terminal of that type and size.

        The connection is shared with all other commands. On a terminal, stderr is part of stdout.

        Raises:
            HostUnreachable: no connection, or the command had not started within ``timeout_s``.
        """
        ...

    def close(self) -> None:
        """Close the connection, if there is one."""
        ...
