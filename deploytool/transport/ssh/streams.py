"""A command on a channel while it runs: read by one thread, fed, resized and closed by any.

Paramiko's own pipe to wait on would be two file descriptors per channel, and a reader that waits on them
while another thread closes the channel waits on whatever is opened next.
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
"""What paramiko raises when a connection is gone: from every call, ``close`` included."""

_READ_BYTES = 1 << 16


class _Wake:
    """What paramiko's buffers set when something arrives. Clearing is the reader's own business."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def set(self) -> None:
        self.event.set()

    def clear(self) -> None:
        """One of two buffers is empty: that says nothing about the other."""

    def is_set(self) -> bool:
        return self.event.is_set()


def wake_of(channel: paramiko.Channel) -> threading.Event:
    """What is set when something arrives on a channel, or it ends."""
    wake = _Wake()
    for buffer in (channel.in_buffer, channel.in_stderr_buffer):
        buffer.set_event(wake)  # type: ignore[arg-type]  # has what paramiko uses of an Event
    return wake.event


class SshStream:
    """See ``transport.base.Stream``. ``lost`` makes the error of a connection that broke."""

    def __init__(
        self, channel: paramiko.Channel, lost: Callable[[], HostUnreachable], release: Callable[[], object]
    ) -> None:
        self._channel = channel
        self._lost = lost
        self._release = release
        self._arrived = wake_of(channel)
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
        # Where the channel is gone, the reader learns why.
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
        """All was read. A channel without an exit status did not end, it broke."""
        if self._closed:
            return
        if self._channel.exit_status < 0:
            raise self._lost()
        self._exit_code = self._channel.exit_status
