"""Streams of the simulated host: feeds that tests fill, and commands that are Python functions."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from deploytool.transport.base import Output, Result, Terminal

T = TypeVar("T")

_LOOK_S = 0.01


class _End(Exception):
    """Nothing more will come."""


class MemoryFeed(Generic[T]):
    """A feed in memory; see ``backend.base.Feed``.

    ``check`` raises ``HostUnreachable`` once the host is lost; ``release`` is called when the feed is closed.
    """

    def __init__(self, check: Callable[[], object], release: Callable[[MemoryFeed[T]], object]) -> None:
        self._check = check
        self._release = release
        self._queue: queue.SimpleQueue[T | Exception] = queue.SimpleQueue()
        self._closed = threading.Event()

    def put(self, value: T) -> None:
        self._queue.put(value)

    def fail(self, error: Exception) -> None:
        self._queue.put(error)

    def end(self) -> None:
        """End the feed after the values so far."""
        self._queue.put(_End())

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                value = self._queue.get(timeout=_LOOK_S)
            except queue.Empty:
                self._check()
                continue
            if isinstance(value, _End):
                return
            if isinstance(value, Exception):
                raise value
            yield value

    def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._release(self)
            self._queue.put(_End())


class MemoryStream:
    """A stream in memory; see ``transport.base.Stream``. ``command`` gets the whole input at its end."""

    def __init__(self, command: Callable[[bytes], Result]) -> None:
        self.exit_code: int | None = None
        self.terminals: list[Terminal] = []
        self._command = command
        self._input = b""
        self._over = threading.Event()
        self._read = self._closed = False

    def read(self, timeout_s: float | None = None) -> Output | None:
        if not self._over.wait(timeout_s):
            return Output()
        if self._closed or self._read:
            return None
        self._read = True
        result = self._command(self._input)
        self.exit_code = result.exit_code
        return Output(result.stdout, result.stderr)

    def send(self, data: bytes) -> None:
        self._input += data

    def end_input(self) -> None:
        self._over.set()

    def resize(self, terminal: Terminal) -> None:
        self.terminals.append(terminal)

    def close(self) -> None:
        self._closed = True
        self._over.set()
