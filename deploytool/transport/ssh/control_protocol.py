"""The client's side of OpenSSH's control protocol: one command on a connection that a control master keeps.

A message is its length and its type, then numbers and strings, each string behind its length. The command's
stdin, stdout and stderr are pipes whose ends are passed to the control master, each with one byte.

Source: PROTOCOL.mux of OpenSSH, version 4 of the protocol (2010 and later).
"""

from __future__ import annotations

import array
import contextlib
import os
import select
import socket
import struct
import time
from collections.abc import Sequence
from io import FileIO
from types import TracebackType

from deploytool.transport.base import CommandNotStarted, Result

_VERSION = 4
_HELLO = 0x00000001
_NEW_SESSION = 0x10000002
_STOP_LISTENING = 0x10000009
_SESSION_OPENED = 0x80000006
_EXIT_MESSAGE = 0x80000004
_REQUEST = 1  # the number of a request; each connection to the control master makes one
_NO_ESCAPE = 0xFFFFFFFF
_ANSWER_S = 1.0  # for a process of this machine that has to ask nobody
_READ_BYTES = 1 << 18


class ControlClient:
    """A connection to a control master for one command. A context manager: it closes the socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        """Connect to the socket at ``path``. The command has to start within ``timeout_s`` from here.

        Raises:
            CommandNotStarted: no control master listens there.
        """
        self._deadline = time.monotonic() + timeout_s
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._set_timeout()
            self._socket.connect(path)
            self._send(_numbers(_HELLO, _VERSION))
            if self._receive()[:8] != _numbers(_HELLO, _VERSION):
                raise CommandNotStarted
        except (OSError, EOFError):
            self._socket.close()
            raise CommandNotStarted from None
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def stop_listening(self) -> None:
        """Have the control master accept no more commands and remove its socket; running ones go on."""
        self._deadline = time.monotonic() + _ANSWER_S
        with contextlib.suppress(OSError, EOFError):
            self._send(_numbers(_STOP_LISTENING, _REQUEST))
            self._receive()

    def interrupt(self) -> None:
        """Have ``run`` raise EOFError in another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def run(self, command: str, stdin: bytes, timeout_s: float) -> Result:
        """Run a shell command line with ``stdin`` as its whole input.

        Raises:
            CommandNotStarted: it did not start in time, and will not: it can be run on another connection.
            TimeoutError: it did not end in time.
            EOFError: the connection was lost, or a signal ended the command; the protocol does not say which.
        """
        end = time.monotonic() + timeout_s
        with contextlib.ExitStack() as files:
            (read_in, our_in), (our_out, write_out), (our_err, write_err) = (_pipe(files) for _ in range(3))
            try:
                self._open_session(command, (read_in, write_out, write_err))
            except (OSError, EOFError):
                raise CommandNotStarted from None
            for theirs in (read_in, write_out, write_err):
                theirs.close()
            exchange = _Exchange(self, our_in, our_out, our_err, stdin)
            return exchange.result(end)

    def fileno(self) -> int:
        """The file descriptor that is readable when the exit message has arrived."""
        return self._socket.fileno()

    def exit_code(self) -> int:
        """The exit code in the message that the control master sends at the command's end.

        Raises:
            EOFError: the connection was lost, or a signal ended the command.
        """
        self._deadline = time.monotonic() + _ANSWER_S
        try:
            message = self._receive()
        except OSError:
            raise EOFError from None
        if message[:4] != _numbers(_EXIT_MESSAGE):
            raise EOFError
        return int(struct.unpack(">I", message[8:12])[0])

    def _open_session(self, command: str, files: Sequence[FileIO]) -> None:
        no = 0  # terminal, X11, agent, subsystem
        request = _numbers(_NEW_SESSION, _REQUEST) + _string(b"") + _numbers(no, no, no, no, _NO_ESCAPE)
        self._send(request + _string(b"") + _string(command.encode(errors="surrogateescape")))
        for file in files:
            passed = array.array("i", [file.fileno()])
            self._socket.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
        if self._receive()[:4] != _numbers(_SESSION_OPENED):
            raise EOFError

    def _send(self, message: bytes) -> None:
        self._set_timeout()
        self._socket.sendall(_string(message))

    def _receive(self) -> bytes:
        (length,) = struct.unpack(">I", self._exactly(4))
        return self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            self._set_timeout()
            piece = self._socket.recv(length - len(found))
            if not piece:
                raise EOFError
            found += piece
        return found

    def _set_timeout(self) -> None:
        self._socket.settimeout(max(0.001, self._deadline - time.monotonic()))


class _Exchange:
    """Sends a command its input and receives its output at the same time, so that neither side blocks."""

    def __init__(
        self, client: ControlClient, our_in: FileIO, our_out: FileIO, our_err: FileIO, stdin: bytes
    ) -> None:
        self._client = client
        self._input = our_in
        self._unsent = memoryview(stdin)
        self._stdout, self._stderr = bytearray(), bytearray()
        self._outputs = {our_out.fileno(): self._stdout, our_err.fileno(): self._stderr}
        self._exit_code: int | None = None
        self._poll = select.poll()
        for number in (*self._outputs, client.fileno()):
            self._poll.register(number, select.POLLIN)
        os.set_blocking(our_in.fileno(), False)
        self._poll.register(our_in, select.POLLOUT)

    def result(self, end: float) -> Result:
        """The result of the command, once it has ended.

        Raises:
            TimeoutError: it did not end by ``end``.
            EOFError: as ``ControlClient.exit_code``.
        """
        while self._outputs or self._exit_code is None:
            left_s = end - time.monotonic()
            ready = self._poll.poll(left_s * 1000) if left_s > 0 else ()
            if not ready:
                raise TimeoutError
            for number, _ in ready:
                self._handle(number)
            if not self._unsent and not self._input.closed:
                self._poll.unregister(self._input)
                self._input.close()
        return Result(self._exit_code, bytes(self._stdout), bytes(self._stderr))

    def _handle(self, number: int) -> None:
        """Read from or write to a file descriptor that is ready."""
        if number == self._client.fileno():
            self._exit_code = self._client.exit_code()
            self._poll.unregister(number)
            self._unsent = self._unsent[:0]  # a command that has ended reads no more
        elif number in self._outputs:
            self._read(number)
        elif self._unsent:
            self._unsent = self._unsent[self._written() :]

    def _read(self, number: int) -> None:
        piece = os.read(number, _READ_BYTES)
        self._outputs[number] += piece
        if not piece:
            self._poll.unregister(number)
            del self._outputs[number]

    def _written(self) -> int:
        """The number of bytes written; all of the input where the command has closed its stdin."""
        try:
            return self._input.write(self._unsent[:_READ_BYTES]) or 0
        except BrokenPipeError:
            return len(self._unsent)


def _pipe(files: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    reading, writing = os.pipe()
    return files.enter_context(FileIO(reading)), files.enter_context(FileIO(writing, "w"))


def _numbers(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def _string(text: bytes) -> bytes:
    return _numbers(len(text)) + text
