"""This machine as a host (``ansible_connection: local``): commands are child processes, without SSH."""

from __future__ import annotations

import contextlib
import getpass
import subprocess
import weakref
from collections.abc import Sequence

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Connection
from deploytool.transport import processes
from deploytool.transport.base import Result, Stream, Terminal
from deploytool.transport.sudo import Sudo

_FAIL = 'echo "$1" >&2; exit "$2"'


class LocalTransport:
    """Runs commands on this machine, each in a session of its own: a deadline ends its children too."""

    def __init__(self, host_name: str, connection: Connection) -> None:
        self._host_name = host_name
        self._sudo = Sudo.needed(host_name, getpass.getuser(), connection.become)
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()

    def prepare(self) -> None:
        """Nothing to prepare."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
        """Run ``argv`` and wait for it, as ``Transport.run`` promises.

        Exit codes as in a shell: 127 for a command that does not exist, 126 for one that may not be run.

        Raises:
            HostUnreachable: no end within ``timeout_s``, or sudo refuses to run it.
        """
        if self._sudo is None:
            return self._run(argv, stdin, timeout_s)
        wrapped = self._sudo.wrap(argv, stdin)
        return self._sudo.unwrap(self._run(wrapped.argv, wrapped.stdin, timeout_s))

    def stream(
        self, argv: Sequence[str], *, terminal: Terminal | None = None, timeout_s: float = 60.0
    ) -> Stream:
        """Start ``argv`` and return while it runs, as ``Transport.stream`` promises."""
        if self._sudo is None:
            stream: Stream = _start(argv, terminal)
        else:
            stream = self._sudo.stream(argv, terminal, lambda wrapped: _start(wrapped, terminal))
        self._streams.add(stream)
        return stream

    def close(self) -> None:
        """Close the streams that are still open; other commands do not outlive their ``run``."""
        for stream in tuple(self._streams):
            stream.close()

    def _run(self, argv: Sequence[str], stdin: bytes, timeout_s: float) -> Result:
        try:
            process = processes.start(argv, subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)
        except OSError as error:
            code, message = _not_startable(argv[0], error)
            return Result(code, stderr=f"{message}\n".encode())
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            message = f"'{argv[0]}' did not end within {timeout_s:g} s and was stopped"
            raise HostUnreachable(message, host=self._host_name) from None
        finally:
            _stop(process)
        return Result(processes.exit_code_of(process), stdout, stderr)


def _start(argv: Sequence[str], terminal: Terminal | None) -> Stream:
    """The stream of a command. One that cannot be started becomes a shell that writes the error and exits."""
    try:
        return processes.ProcessStream(argv, terminal)
    except OSError as error:
        code, message = _not_startable(argv[0], error)
        return processes.ProcessStream(("sh", "-c", _FAIL, "sh", message, str(code)), terminal)


def _not_startable(command: str, error: OSError) -> tuple[int, str]:
    """Exit code and message of a shell for a command that cannot be started."""
    if isinstance(error, FileNotFoundError):
        return 127, f"{command}: not found"
    return 126, f"{command}: {(error.strerror or str(error)).lower()}"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole session if it still runs, and close its pipes without waiting for them."""
    processes.end(process)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
