"""This machine as a host: commands run as processes of their own, without SSH.

The counterpart of ``ansible_connection: local``. Nothing here knows about Docker.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import subprocess
from collections.abc import Sequence

from deploytool.engine.base import Result
from deploytool.engine.become import Sudo
from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Connection

_REAP_S = 2.0


class LocalTransport:
    """Runs commands on this machine, each in a session of its own so that a deadline ends all of it."""

    def __init__(self, host_name: str, connection: Connection) -> None:
        self._host_name = host_name
        self._sudo = Sudo.needed(host_name, getpass.getuser(), connection.become)

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

    def close(self) -> None:
        """Nothing to give back: no command outlives its ``run``."""

    def _run(self, argv: Sequence[str], stdin: bytes, timeout_s: float) -> Result:
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError:
            return Result(127, stderr=f"{argv[0]}: not found\n".encode())
        except PermissionError:
            return Result(126, stderr=f"{argv[0]}: permission denied\n".encode())
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            message = f"'{argv[0]}' did not end within {timeout_s:g} s and was stopped"
            raise HostUnreachable(message, host=self._host_name) from None
        finally:
            _stop(process)
        code = process.returncode
        return Result(code if code >= 0 else 128 - code, stdout, stderr)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole session if it still runs, and let go of its pipes without waiting for them."""
    if process.poll() is not None:
        return
    # Processes that sudo started belong to another user and cannot be signalled.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_REAP_S)
