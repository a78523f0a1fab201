"""The seam to a host: a ``Transport`` runs commands on it, a ``Stream`` is one while it runs.

A transport belongs to one host; any thread may use it, several at a time. Streams share its connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Result:
    """What a command said. ``exit_code`` is 128 + n where signal n ended it."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes that a running command wrote. Without any, none came in time."""

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


class Stream(Protocol):
    """A command while it runs. One thread reads; any thread may send, resize and close.

    What is not read is not lost: the command waits when too much of it has piled up.
    """

    @property
    def exit_code(self) -> int | None:
        """How it ended, 128 + n where signal n ended it; None while it runs, and where it was closed."""
        ...

    def read(self, timeout_s: float | None = None) -> Output | None:
        """What it wrote since the last call; waits for something to come. None once all has been read.

        A command that says nothing for long is no error, as long as its host answers keepalives.

        Raises:
            HostUnreachable: the connection was lost, or the host stopped answering.
        """
        ...

    def send(self, data: bytes) -> None:
        """Give it input; waits while it takes none. Input for a command that reads no more is dropped."""
        ...

    def end_input(self) -> None:
        """Nothing more will be sent. With a terminal this means nothing: send what ends the command."""
        ...

    def resize(self, terminal: Terminal) -> None:
        """Its terminal has a new size. Without a terminal this means nothing."""
        ...

    def close(self) -> None:
        """Let go of it: reading ends at once, its input ends. Harmless when repeated."""
        ...


class Transport(Protocol):
    """Runs commands on one host. Connects at the first command and keeps the connection."""

    def prepare(self) -> None:
        """Do what the first command would have to do and needs no host for, such as importing libraries."""
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
        """Begin ``argv`` and return while it runs; with a ``terminal``, on one of that type and size.

        It shares the connection with everything else. With a terminal, stderr is part of stdout.

        Raises:
            HostUnreachable: no connection, or it had not begun within ``timeout_s``.
        """
        ...

    def close(self) -> None:
        """Give the connection back. Harmless when there is none."""
        ...
