"""Connections to jump hosts, shared by all hosts behind them, and the limit on connection starts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploytool.transport.futures import complete
from deploytool.transport.ssh.target import Target

if TYPE_CHECKING:
    from deploytool.transport.ssh.connection import SshConnection


@dataclass(slots=True)
class _Shared:
    connection: Future[SshConnection] = field(default_factory=Future)
    users: int = 0

    @property
    def usable(self) -> bool:
        """True while connecting and while connected."""
        if not self.connection.done():
            return True
        return self.connection.exception() is None and self.connection.result().alive


class JumpHosts:
    """One connection to each jump host, closed when its last user has released it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: dict[Target, _Shared] = {}

    def acquire(
        self, target: Target, connect: Callable[[], SshConnection]
    ) -> tuple[SshConnection, Callable[[], None]]:
        """The connection to a jump host, and the function that releases it.

        The first caller connects; the others wait for that attempt and share its failure, so that a dead jump
        host costs one timeout however many hosts are behind it.

        Raises:
            HostUnreachable: from ``connect``.
        """
        shared, first = self._join(target)
        if first:
            complete(shared.connection, connect)
        try:
            return shared.connection.result(), lambda: self._release(target, shared)
        except BaseException:
            self._release(target, shared)
            raise

    def _join(self, target: Target) -> tuple[_Shared, bool]:
        """Become a user of the shared connection; true for the first one, who has to connect."""
        with self._lock:
            shared = self._shared.get(target)
            first = shared is None or not shared.usable
            if shared is None or first:
                shared = self._shared[target] = _Shared()
            shared.users += 1
        return shared, first

    def _release(self, target: Target, shared: _Shared) -> None:
        with self._lock:
            shared.users -= 1
            if shared.users:
                return
            if self._shared.get(target) is shared:
                del self._shared[target]
        if shared.connection.exception() is None:
            shared.connection.result().close()


class StartLimit:
    """The most connections at a time that are not logged in yet, for each sshd.

    Source: MaxStartups of sshd_config(5): by default sshd drops connections at random from 10 on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[str, threading.BoundedSemaphore] = {}

    def slot(self, key: str, limit: int) -> threading.BoundedSemaphore:
        """One of the ``limit`` slots of ``key``, as a context manager. The first call sets the limit."""
        with self._lock:
            return self._slots.setdefault(key, threading.BoundedSemaphore(limit))


JUMP_HOSTS, START_LIMIT = JumpHosts(), StartLimit()
