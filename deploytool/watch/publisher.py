"""Where a watcher puts what it knows, and where any number of readers wait for the next."""

from __future__ import annotations

import threading
from dataclasses import replace

from deploytool.model.snapshot import Snapshot


class Publisher:
    """Holds the newest snapshot. Any thread may read or wait; readers leave nothing behind."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._snapshot = Snapshot()
        self._closed = False

    @property
    def snapshot(self) -> Snapshot:
        """The newest one; of version 0 before the first."""
        return self._snapshot

    def publish(self, snapshot: Snapshot) -> None:
        """Put up a newer one; its ``version`` is given here."""
        with self._changed:
            self._snapshot = replace(snapshot, version=self._snapshot.version + 1)
            self._changed.notify_all()

    def after(self, version: int, timeout_s: float) -> Snapshot | None:
        """The newest snapshot as soon as there is one of a later version.

        None where there is none within ``timeout_s``, or the board was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._snapshot.version > version, timeout_s)
            return self._snapshot if self._snapshot.version > version else None

    @property
    def closed(self) -> bool:
        """Whether the watcher has ended: nothing will follow."""
        return self._closed

    def close(self) -> None:
        """Let all who wait go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
