"""The output of a running script as a feed of values."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from deploytool.backend.compose.documents import Document, read_lines
from deploytool.errors import HostUnreachable
from deploytool.transport.base import Stream

T = TypeVar("T")

_KEPT_STDERR_BYTES = 4096


class LineFeed(Generic[T]):
    """The feed of one command; see ``backend.base.Feed``.

    ``read`` turns a document into a value, or None to skip it. ``over`` gets the exit code of a command that
    ended, the last line of its stderr, and True if ``wait_for`` had succeeded; it returns the error to raise,
    or None.
    """

    def __init__(
        self,
        stream: Stream,
        read: Callable[[Document], T | None],
        over: Callable[[int, str, bool], HostUnreachable | None],
    ) -> None:
        self._lines = Lines(stream)
        self._read = read
        self._over = over
        self._stream = stream
        self._begun = False

    def wait_for(self, key: str) -> None:
        """Wait until the command prints a document with ``key``, by which it tells that it is ready.

        Raises:
            HostUnreachable: the command ended before, or the host was lost.
        """
        for raw in read_lines(self._lines):
            if key in raw:
                self._begun = True
                return
        self._raise_over()

    def __iter__(self) -> Iterator[T]:
        for raw in read_lines(self._lines):
            value = self._read(raw)
            if value is not None:
                yield value
        self._raise_over()

    def close(self) -> None:
        self._stream.close()

    def _raise_over(self) -> None:
        code = self._stream.exit_code
        error = None if code is None else self._over(code, self._lines.complaint, self._begun)
        if error:
            raise error


class Lines:
    """A stream's stdout, line by line; the last one need not end. Undecodable bytes are replaced."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._stderr = b""
        self._rest = b""
        self._whole: deque[bytes] = deque()

    @property
    def complaint(self) -> str:
        """The last line of stderr."""
        lines = self._stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not self._whole and (output := self._stream.read()) is not None:
            self._stderr = (self._stderr + output.stderr)[-_KEPT_STDERR_BYTES:]
            *whole, self._rest = (self._rest + output.stdout).split(b"\n")
            self._whole.extend(whole)
        if self._whole:
            return self._whole.popleft().decode("utf-8", "replace")
        last, self._rest = self._rest, b""
        if not last:
            raise StopIteration
        return last.decode("utf-8", "replace")
