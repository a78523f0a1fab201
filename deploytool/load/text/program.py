"""The output of a program of the user's: an inventory script, a vault password script.

Bounded in time and in size. The program gets no input and no shell; the last line that it says on stderr
is quoted in the error.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread
from typing import IO

TIMEOUT_S = 60.0
MAX_OUTPUT_BYTES = 32 * 1024 * 1024


class NotAProgram(ValueError):
    """The file is marked executable, but the system does not know how to run it."""


def output_of(argv: Sequence[str], *, timeout_s: float = TIMEOUT_S) -> bytes:
    """The program's stdout.

    Raises:
        NotAProgram: it has no ``#!`` line and is no binary.
        ValueError: a sentence: it failed, took longer than ``timeout_s``, or printed too much.
    """
    process = _start(argv)
    stdout, stderr = bytearray(), bytearray()
    readers = [_reader(process, process.stdout, stdout), _reader(process, process.stderr, stderr)]
    try:
        process.wait(timeout_s)
        for reader in readers:
            reader.join(timeout_s)
    except subprocess.TimeoutExpired:
        raise ValueError(f"did not end within {timeout_s:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if len(stdout) > MAX_OUTPUT_BYTES:
        raise ValueError(f"printed more than {MAX_OUTPUT_BYTES // 1024 // 1024} MiB")
    if process.returncode:
        last = stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ValueError(": ".join([f"failed with exit code {process.returncode}", *last]))
    return bytes(stdout)


def _start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as error:
        problem = NotAProgram if error.errno == errno.ENOEXEC else ValueError
        raise problem(f"cannot be run: {error.strerror}") from None


def _reader(process: subprocess.Popen[bytes], stream: IO[bytes] | None, into: bytearray) -> Thread:
    """A thread that reads a stream to its end, and ends the program when it prints too much."""

    def read() -> None:
        with stream or open(os.devnull, "rb") as source:  # noqa: PTH123
            while chunk := source.read(65536):
                into.extend(chunk)
                if len(into) > MAX_OUTPUT_BYTES:
                    process.kill()
                    return

    thread = Thread(target=read, daemon=True)
    thread.start()
    return thread
