"""The user's terminal lent to a command elsewhere: raw keys in, bytes out, its size followed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator

from deploytool.transport.base import Stream, Terminal

_CHUNK_BYTES = 1 << 16


def here() -> Terminal | None:
    """The user's terminal, where both input and output are one."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    return _sized(os.environ.get("TERM") or "xterm-256color")


def lend(stream: Stream, terminal: Terminal | None) -> int:
    """Join this process's input and outputs with a command until that ends; returns its exit code.

    With a terminal, every key goes to the command, ^C as well.

    Raises:
        HostUnreachable: the host was lost.
    """
    with _raw() if terminal else contextlib.nullcontext(), _followed(stream, terminal):
        threading.Thread(target=_give, args=(stream,), name="input", daemon=True).start()
        while (output := stream.read()) is not None:
            _write(sys.stdout.fileno(), output.stdout)
            _write(sys.stderr.fileno(), output.stderr)
    return stream.exit_code or 0


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Keys as they are typed; the terminal is as it was afterwards, whatever happened."""
    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    tty.setraw(file)
    try:
        yield
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _followed(stream: Stream, terminal: Terminal | None) -> Iterator[None]:
    """Tell the command when the terminal changes its size."""
    if terminal is None:
        yield
        return

    def changed(*ignored: object) -> None:
        # In a thread of its own: a handler runs in the middle of anything, and this may have to wait.
        threading.Thread(target=stream.resize, args=(_sized(terminal.kind),), daemon=True).start()

    before = signal.signal(signal.SIGWINCH, changed)
    if _sized(terminal.kind) != terminal:  # since the command was begun
        changed()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _sized(kind: str) -> Terminal:
    """The size is the terminal's own, not that of COLUMNS and LINES, which somebody set once."""
    size = os.get_terminal_size(sys.stdout.fileno())
    return Terminal(kind, size.columns or 80, size.lines or 24)


def _give(stream: Stream) -> None:
    """All input, until it ends or can no longer be read; there may be none at all (``<&-``)."""
    with contextlib.suppress(OSError, ValueError):
        while sys.stdin and (data := os.read(sys.stdin.fileno(), _CHUNK_BYTES)):
            stream.send(data)
    stream.end_input()


def _write(file: int, data: bytes) -> None:
    unsent = memoryview(data)
    while unsent:
        try:
            unsent = unsent[os.write(file, unsent) :]
        except BlockingIOError:  # a terminal that somebody else made non-blocking
            select.select([], [file], [])
