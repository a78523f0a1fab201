"""The request to end a run, from Ctrl-C, SIGTERM or a closed terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Interrupts:
    """The request of the user: ``asked`` is true once the run is to end. Signal handlers call ``ask``."""

    asked: bool = False
    _gentle: bool = False

    def ask(self) -> None:
        """Ask the run to end: at once, or ``gently`` after the steps that are running.

        Raises:
            KeyboardInterrupt: outside ``gently``, in the thread that calls, which is the main one.
        """
        self.asked = True
        if not self._gentle:
            raise KeyboardInterrupt

    @contextmanager
    def gently(self) -> Iterator[None]:
        """A context in which hosts are changed: the code in it checks ``asked`` and ends by itself."""
        before, self._gentle = self._gentle, True
        try:
            yield
        finally:
            self._gentle = before
