"""Child processes of this machine: starting, ending, and streaming through pipes or a pseudo-terminal."""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Sequence

from deploytool.transport.base import Output, Terminal

_READ_BYTES = 1 << 16
_REAP_S = 2.0
_POLL_S = 0.2
# The first terminal that a session leader opens becomes its controlling terminal: ^C reaches the command.
_ON_TERMINAL = 'tty=$1; shift; exec "$@" <>"$tty" >&0 2>&1'


def start(argv: Sequence[str], stdin: int, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that all of it can be ended.

    Raises:
        OSError: there is no such command, or it may not be run.
    """
    return subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True)


def end(process: subprocess.Popen[bytes]) -> None:
    """End the whole session if it still runs."""
    if process.poll() is not None:
        return
    # A process that sudo started belongs to another user and cannot be signalled.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_REAP_S)


def exit_code_of(process: subprocess.Popen[bytes]) -> int:
    """Exit code of an ended process, 128 + n where signal n ended it."""
    code = process.returncode
    return code if code >= 0 else 128 - code


class ProcessStream:
    """A ``transport.base.Stream`` of a child process.

    A pipe to itself (``_wake``) makes ``close`` end the ``poll`` of a read or send in another thread.
    """

    def __init__(self, argv: Sequence[str], terminal: Terminal | None) -> None:
        """Start ``argv``.

        Raises:
            OSError: there is no such command, or it may not be run.
        """
        self.exit_code: int | None = None
        self._closed = False
        self._reading, self._sending, self._closing = (threading.Lock() for _ in range(3))
        self._terminal = terminal is not None
        ours, theirs = _pipes() if terminal is None else _terminal(terminal)
        self._wake, self._wake_end = os.pipe()
        self._files = set(ours)
        self._input, self._stdout, self._outputs = ours[0], ours[1], set(ours[1:])
        if terminal is not None:
            argv = ("sh", "-c", _ON_TERMINAL, "sh", os.ttyname(theirs[0]), *argv)
        try:
            self._process = start(argv, *theirs)
        except OSError:
            self._close_files()
            self._close_wake()
            raise
        finally:
            for file in set(theirs):
                os.close(file)

    def read(self, timeout_s: float | None = None) -> Output | None:
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        with self._reading:
            while self._outputs and not self._closed:
                output = self._received(end_s)
                if output or (end_s is not None and time.monotonic() >= end_s):
                    return output
            return None if self._closed or self._ended(end_s) else Output()

    def send(self, data: bytes) -> None:
        unsent = memoryview(data)
        # Writing to a command that has ended is no error, see ``Stream.send``.
        with self._sending, contextlib.suppress(OSError):
            while unsent and self._input in self._files and not self._closed:
                if self._wake in _wait({self._input: select.POLLOUT, self._wake: select.POLLIN}, None):
                    return
                unsent = unsent[os.write(self._input, unsent[: select.PIPE_BUF]) :]

    def end_input(self) -> None:
        with self._sending:
            if not self._terminal:
                self._close_file(self._input)

    def resize(self, terminal: Terminal) -> None:
        with self._sending:
            if self._terminal and not self._closed:
                _set_size(self._input, terminal)

    def close(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
            os.write(self._wake_end, b"x")
            end(self._process)
            with self._reading:
                self._close_files()
            self._close_wake()

    def _received(self, end_s: float | None) -> Output:
        """Wait until a file is readable or ``end_s``, and read once from each. Ended files are dropped."""
        ready = _wait(dict.fromkeys((self._wake, *self._outputs), select.POLLIN), end_s)
        found = {True: b"", False: b""}
        for file in self._outputs & ready:
            piece = _read(file)
            found[file == self._stdout] = piece
            if not piece:
                self._outputs.remove(file)
        return Output(found[True], found[False])

    def _ended(self, end_s: float | None) -> bool:
        """Wait for the process to end, take its exit code and close all files. False if not by ``end_s``."""
        while self._process.poll() is None and not self._closed:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(min(_POLL_S, _left_s(end_s)))
            if not _left_s(end_s):
                return False
        if self.exit_code is None and not self._closed:
            self.exit_code = exit_code_of(self._process)
            self._close_files()
        return True

    def _close_files(self) -> None:
        with self._sending:
            for file in tuple(self._files):
                self._close_file(file)
            self._outputs.clear()

    def _close_wake(self) -> None:
        os.close(self._wake)
        os.close(self._wake_end)

    def _close_file(self, file: int) -> None:
        if file in self._files:
            self._files.remove(file)
            os.close(file)


def _pipes() -> tuple[tuple[int, ...], tuple[int, int, int]]:
    """Our ends and the command's ends of three pipes: stdin, stdout, stderr."""
    (their_in, our_in), (our_out, their_out), (our_err, their_err) = os.pipe(), os.pipe(), os.pipe()
    os.set_blocking(our_in, False)
    return (our_in, our_out, our_err), (their_in, their_out, their_err)


def _terminal(terminal: Terminal) -> tuple[tuple[int, ...], tuple[int, int, int]]:
    """Our end of a new pseudo-terminal, for reading and for writing, and the command's end three times."""
    ours, theirs = os.openpty()
    _set_size(ours, terminal)
    return (ours, ours), (theirs, theirs, theirs)


def _set_size(file: int, terminal: Terminal) -> None:
    fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", terminal.rows, terminal.columns, 0, 0))


def _wait(files: dict[int, int], end_s: float | None) -> set[int]:
    """The files that are ready, of a mapping of file descriptors to poll events, by ``end_s``."""
    poll = select.poll()
    for file, wanted in files.items():
        poll.register(file, wanted)
    return {file for file, _ in poll.poll(None if end_s is None else _left_s(end_s) * 1000)}


def _left_s(end_s: float | None) -> float:
    return math.inf if end_s is None else max(0.0, end_s - time.monotonic())


def _read(file: int) -> bytes:
    try:
        return os.read(file, _READ_BYTES)
    except OSError:  # EIO: no process has the terminal open any more
        return b""
