"""One command on a connection that a process of OpenSSH holds: the client's side of its control protocol.

Source: PROTOCOL.mux of OpenSSH, version 4 of the protocol, which is that of 2010 and later. A message is its
length and its type, then numbers and strings, each string behind its length; the three files that a command
reads and writes are passed along with one byte each.
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

from deploytool.transport.base import Result
from deploytool.transport.ssh.lost import Lost

_VERSION = 4
_HELLO = 0x00000001
_NEW_SESSION = 0x10000002
_STOP_LISTENING = 0x10000009
_SESSION_OPENED = 0x80000006
_EXIT_MESSAGE = 0x80000004
_REQUEST = 1  # one a connection to the process, so it needs no other number
_NO_ESCAPE = 0xFFFFFFFF
_ANSWER_S = 1.0  # for a process of this machine that has to ask nobody
_READ_BYTES = 1 << 18


class Master:
    """The process behind a socket, asked by one command. As a context: nothing stays open afterwards."""

    def __init__(self, path: str, seconds: float) -> None:
        """Greet it; all up to the command's begin has to be over in so many seconds.

        Raises:
            Lost: nobody listens there, or no such process.
        """
        self._begun_by = time.monotonic() + seconds
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._wait()
            self._socket.connect(path)
            self._send(_numbers(_HELLO, _VERSION))
            if self._receive()[:8] != _numbers(_HELLO, _VERSION):
                raise Lost
        except (OSError, EOFError):
            self._socket.close()
            raise Lost from None
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Master:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def let_go(self) -> None:
        """Have it take no more commands, so that the next run connects anew; those that it runs go on."""
        self._begun_by = time.monotonic() + _ANSWER_S
        with contextlib.suppress(OSError, EOFError):
            self._send(_numbers(_STOP_LISTENING, _REQUEST))
            self._receive()  # that it has done so: it removes its socket

    def interrupt(self) -> None:
        """Have ``run`` end with EOFError in another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def run(self, command: str, stdin: bytes, timeout_s: float) -> Result:
        """Run a line of shell with ``stdin`` as its whole input.

        Raises:
            Lost: it had not begun in time, or never will: it can be run elsewhere.
            TimeoutError: it did not end in time.
            EOFError: the connection was lost, or a signal ended the command: the protocol tells neither.
        """
        end = time.monotonic() + timeout_s
        with contextlib.ExitStack() as files:
            (read_in, our_in), (our_out, write_out), (our_err, write_err) = (_pipe(files) for _ in range(3))
            try:
                self._begin(command, (read_in, write_out, write_err))
            except (OSError, EOFError):
                raise Lost from None
            for theirs in (read_in, write_out, write_err):
                theirs.close()
            return self._converse(our_in, our_out, our_err, stdin, end)

    def _begin(self, command: str, files: Sequence[FileIO]) -> None:
        no = 0  # terminal, X11, agent, subsystem
        request = _numbers(_NEW_SESSION, _REQUEST) + _string(b"") + _numbers(no, no, no, no, _NO_ESCAPE)
        self._send(request + _string(b"") + _string(command.encode(errors="surrogateescape")))
        for file in files:
            passed = array.array("i", [file.fileno()])
            self._socket.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
        if self._receive()[:4] != _numbers(_SESSION_OPENED):
            raise EOFError

    def _converse(self, our_in: FileIO, our_out: FileIO, our_err: FileIO, stdin: bytes, end: float) -> Result:
        """Give the command its input and take its output at the same time: neither side gets stuck."""
        output = {our_out.fileno(): bytearray(), our_err.fileno(): bytearray()}
        stdout, stderr = output.values()
        unsent = memoryview(stdin)
        os.set_blocking(our_in.fileno(), False)
        exit_code: int | None = None
        poll = select.poll()
        for number in (*output, self._socket.fileno()):
            poll.register(number, select.POLLIN)
        poll.register(our_in, select.POLLOUT)
        while output or exit_code is None:
            left_s = end - time.monotonic()
            ready = poll.poll(left_s * 1000) if left_s > 0 else ()
            if not ready:
                raise TimeoutError
            for number, _ in ready:
                if number == self._socket.fileno():
                    exit_code = self._exit_code()
                    poll.unregister(number)
                    unsent = unsent[:0]  # a command that has ended reads no more
                elif number in output:
                    piece = os.read(number, _READ_BYTES)
                    output[number] += piece
                    if not piece:
                        poll.unregister(number)
                        del output[number]
                elif unsent:
                    unsent = unsent[_written(our_in, unsent) :]
            if not unsent and not our_in.closed:
                poll.unregister(our_in)
                our_in.close()
        return Result(exit_code, bytes(stdout), bytes(stderr))

    def _exit_code(self) -> int:
        self._begun_by = time.monotonic() + _ANSWER_S
        try:
            said = self._receive()
        except OSError:
            raise EOFError from None
        if said[:4] != _numbers(_EXIT_MESSAGE):
            raise EOFError
        return int(struct.unpack(">I", said[8:12])[0])

    def _send(self, message: bytes) -> None:
        self._wait()
        self._socket.sendall(_string(message))

    def _receive(self) -> bytes:
        (length,) = struct.unpack(">I", self._exactly(4))
        return self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            self._wait()
            piece = self._socket.recv(length - len(found))
            if not piece:
                raise EOFError
            found += piece
        return found

    def _wait(self) -> None:
        self._socket.settimeout(max(0.001, self._begun_by - time.monotonic()))


def _pipe(files: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    reading, writing = os.pipe()
    return files.enter_context(FileIO(reading)), files.enter_context(FileIO(writing, "w"))


def _written(file: FileIO, unsent: memoryview) -> int:
    """How much was taken: all of it where nobody reads any more, which is the command's own business."""
    try:
        return file.write(unsent[:_READ_BYTES]) or 0
    except BrokenPipeError:
        return len(unsent)


def _numbers(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def _string(text: bytes) -> bytes:
    return _numbers(len(text)) + text
