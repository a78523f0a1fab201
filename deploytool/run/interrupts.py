"""What Ctrl-C and its kin ask of a run: to end, with or without what is under way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Interrupts:
    """``asked`` once somebody wants the run to end. A signal's handler calls ``ask``, in the main thread."""

    asked: bool = False
    _gentle: bool = False

    def ask(self) -> None:
        """End the run: at once, or after the steps that are under way where there may be some.

        Raises:
            KeyboardInterrupt: nothing is under way.
        """
        self.asked = True
        if not self._gentle:
            raise KeyboardInterrupt

    @contextmanager
    def gently(self) -> Iterator[None]:
        """Inside, hosts are being changed: who changes them looks at ``asked`` and ends by itself."""
        before, self._gentle = self._gentle, True
        try:
            yield
        finally:
            self._gentle = before
