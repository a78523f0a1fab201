"""Publishes a watcher's snapshots to any number of readers, who may wait for the next one."""

from __future__ import annotations

import threading
from dataclasses import replace

from deploytool.model.snapshot import Snapshot


class Publisher:
    """The newest snapshot. Any thread may read it or wait; readers are not registered."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._snapshot = Snapshot()
        self._closed = False

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot; version 0 before the first is published."""
        return self._snapshot

    def publish(self, snapshot: Snapshot) -> None:
        """Replace the snapshot by a newer one, which gets the next ``version``."""
        with self._changed:
            self._snapshot = replace(snapshot, version=self._snapshot.version + 1)
            self._changed.notify_all()

    def after(self, version: int, timeout_s: float) -> Snapshot | None:
        """The newest snapshot as soon as there is one of a later version.

        None where there is none within ``timeout_s``, or the publisher was closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._snapshot.version > version, timeout_s)
            return self._snapshot if self._snapshot.version > version else None

    @property
    def closed(self) -> bool:
        """True once the watcher has ended: no snapshot will follow."""
        return self._closed

    def close(self) -> None:
        """End the waiting of all readers."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
