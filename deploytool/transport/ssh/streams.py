"""A running command on a paramiko channel: read by one thread; written, resized and closed by any.

An event wakes the reader. Paramiko's own pipe for that would take two file descriptors a channel, and where
another thread closes the channel, its reader would wait on whichever file gets the same number next.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import paramiko

from deploytool.errors import HostUnreachable
from deploytool.transport.base import Output, Terminal

LOSSES = (paramiko.SSHException, OSError, EOFError)
"""Paramiko's exceptions for a lost connection; every call may raise them, ``close`` included."""

_READ_BYTES = 1 << 16


class _ArrivalEvent:
    """The event that both of a channel's buffers set on arrival. Only the reader clears it."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def set(self) -> None:
        self.event.set()

    def clear(self) -> None:
        """Ignored: a buffer calls it when it is empty, which says nothing about the other one."""

    def is_set(self) -> bool:
        return self.event.is_set()


def arrival_event(channel: paramiko.Channel) -> threading.Event:
    """An event that is set when bytes arrive on the channel, or it ends."""
    arrival = _ArrivalEvent()
    for buffer in (channel.in_buffer, channel.in_stderr_buffer):
        buffer.set_event(arrival)  # type: ignore[arg-type]  # has what paramiko uses of an Event
    return arrival.event


class SshStream:
    """A ``transport.base.Stream`` on a channel.

    ``lost`` makes the error for a lost connection; ``release`` is called when the stream is closed.
    """

    def __init__(
        self, channel: paramiko.Channel, lost: Callable[[], HostUnreachable], release: Callable[[], object]
    ) -> None:
        self._channel = channel
        self._lost = lost
        self._release = release
        self._arrived = arrival_event(channel)
        self._closed = False
        self._exit_code: int | None = None

    @property
    def exit_code(self) -> int | None:
        return self._exit_code

    def read(self, timeout_s: float | None = None) -> Output | None:
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._closed:
            self._arrived.clear()
            ended = self._channel.eof_received or self._channel.closed
            output = self._received()
            if output:
                return output
            waiter = self._channel.status_event if ended else self._arrived
            if ended and waiter.is_set():
                self._ended()
                return None
            if not waiter.wait(None if end is None else max(0.0, end - time.monotonic())):
                return output
        return None

    def send(self, data: bytes) -> None:
        # A lost connection is reported to the reader.
        with contextlib.suppress(*LOSSES):
            self._channel.sendall(data)

    def end_input(self) -> None:
        with contextlib.suppress(*LOSSES):
            self._channel.shutdown_write()

    def resize(self, terminal: Terminal) -> None:
        with contextlib.suppress(*LOSSES):
            self._channel.resize_pty(terminal.columns, terminal.rows)

    def close(self) -> None:
        self._closed = True
        self._arrived.set()
        with contextlib.suppress(*LOSSES):
            self._channel.close()
        self._release()

    def _received(self) -> Output:
        channel = self._channel
        try:
            return Output(
                channel.recv(_READ_BYTES) if channel.recv_ready() else b"",
                channel.recv_stderr(_READ_BYTES) if channel.recv_stderr_ready() else b"",
            )
        except LOSSES:
            raise self._lost() from None

    def _ended(self) -> None:
        """Take the exit code after the last output; a channel that ended without one was lost.

        Raises:
            HostUnreachable: the connection was lost.
        """
        if self._closed:
            return
        if self._channel.exit_status < 0:
            raise self._lost()
        self._exit_code = self._channel.exit_status
