"""The request to end a run, from Ctrl-C, SIGTERM or a closed terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Interrupts:
    """The stop flag of one run. Signal handlers call ``request_stop``; the run reads ``stop_requested``."""

    stop_requested: bool = False
    _graceful: bool = False

    def request_stop(self) -> None:
        """Stop the run: at once, or, inside ``graceful``, after the steps that are running.

        Raises:
            KeyboardInterrupt: outside ``graceful``, in the calling thread, which is the main one.
        """
        self.stop_requested = True
        if not self._graceful:
            raise KeyboardInterrupt

    @contextmanager
    def graceful(self) -> Iterator[None]:
        """A context in which hosts are changed: its code checks ``stop_requested`` and returns by itself."""
        before, self._graceful = self._graceful, True
        try:
            yield
        finally:
            self._graceful = before
