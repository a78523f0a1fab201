"""This machine as a host: commands run as processes of their own, without SSH.

The counterpart of ``ansible_connection: local``. Nothing here knows about Docker.
"""

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

_COMPLAIN = 'echo "$1" >&2; exit "$2"'


class LocalTransport:
    """Runs commands on this machine, each in a session of its own so that a deadline ends all of it."""

    def __init__(self, host_name: str, connection: Connection) -> None:
        self._host_name = host_name
        self._sudo = Sudo.needed(host_name, getpass.getuser(), connection.become)
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()

    def prepare(self) -> None:
        """There is nothing to do."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
        """Run ``argv`` and wait for it, as ``Transport.run`` promises.

        A command that does not exist ends with 127 and one that may not be run with 126, as in a shell.

        Raises:
            HostUnreachable: no end within ``timeout_s``, or sudo does not let it run.
        """
        if self._sudo is None:
            return self._run(argv, stdin, timeout_s)
        wrapped = self._sudo.wrap(argv, stdin)
        return self._sudo.unwrap(self._run(wrapped.argv, wrapped.stdin, timeout_s))

    def stream(
        self, argv: Sequence[str], *, terminal: Terminal | None = None, timeout_s: float = 60.0
    ) -> Stream:
        """Begin ``argv`` and return while it runs, as ``Transport.stream`` promises."""
        if self._sudo is None:
            stream: Stream = _begin(argv, terminal)
        else:
            stream = self._sudo.stream(argv, terminal, lambda wrapped: _begin(wrapped, terminal))
        self._streams.add(stream)
        return stream

    def close(self) -> None:
        """End the commands that still stream; no other outlives its ``run``."""
        for stream in tuple(self._streams):
            stream.close()

    def _run(self, argv: Sequence[str], stdin: bytes, timeout_s: float) -> Result:
        try:
            process = processes.begin(argv, subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)
        except OSError as error:
            code, complaint = _refused(argv[0], error)
            return Result(code, stderr=f"{complaint}\n".encode())
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            message = f"'{argv[0]}' did not end within {timeout_s:g} s and was stopped"
            raise HostUnreachable(message, host=self._host_name) from None
        finally:
            _stop(process)
        return Result(processes.exit_code_of(process), stdout, stderr)


def _begin(argv: Sequence[str], terminal: Terminal | None) -> Stream:
    """A command that cannot be run says so itself, as the shell on another host would."""
    try:
        return processes.ProcessStream(argv, terminal)
    except OSError as error:
        code, complaint = _refused(argv[0], error)
        return processes.ProcessStream(("sh", "-c", _COMPLAIN, "sh", complaint, str(code)), terminal)


def _refused(command: str, error: OSError) -> tuple[int, str]:
    if isinstance(error, FileNotFoundError):
        return 127, f"{command}: not found"
    return 126, f"{command}: {(error.strerror or str(error)).lower()}"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole session if it still runs, and let go of its pipes without waiting for them."""
    processes.end(process)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
