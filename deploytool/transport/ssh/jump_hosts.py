"""Jump hosts, each connected once for all hosts behind it, and the limit on connection starts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from deploytool.transport.futures import settle
from deploytool.transport.ssh.connection import SshConnection
from deploytool.transport.ssh.target import Target


@dataclass(slots=True)
class _Shared:
    link: Future[SshConnection] = field(default_factory=Future)
    users: int = 0


class JumpHosts:
    """Hands out one connection per jump host and closes it when its last user gave it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: dict[Target, _Shared] = {}

    def acquire(
        self, target: Target, connect: Callable[[], SshConnection]
    ) -> tuple[SshConnection, Callable[[], None]]:
        """The connection to a jump host, and how to give it back.

        Whoever comes first connects; the others wait for that one attempt and share its failure, so that a
        dead jump host costs one timeout however many hosts are behind it.

        Raises:
            HostUnreachable: what ``connect`` raised.
        """
        with self._lock:
            shared = self._shared.get(target)
            if shared is not None and shared.link.done() and not _usable(shared.link):
                shared = None
            first = shared is None
            if shared is None:
                shared = self._shared[target] = _Shared()
            shared.users += 1
        if first:
            settle(shared.link, connect)
        try:
            return shared.link.result(), lambda: self._release(target, shared)
        except BaseException:
            self._release(target, shared)
            raise

    def _release(self, target: Target, shared: _Shared) -> None:
        with self._lock:
            shared.users -= 1
            if shared.users:
                return
            if self._shared.get(target) is shared:
                del self._shared[target]
        if shared.link.exception() is None:
            shared.link.result().close()


def _usable(link: Future[SshConnection]) -> bool:
    return link.exception() is None and link.result().alive


class Starts:
    """Limits how many connections that are not logged in yet one sshd sees at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[str, threading.BoundedSemaphore] = {}

    def at(self, key: str, limit: int) -> threading.BoundedSemaphore:
        """The slots of one sshd, as a context. The first caller sets their number."""
        with self._lock:
            return self._slots.setdefault(key, threading.BoundedSemaphore(limit))


BASTIONS, STARTS = JumpHosts(), Starts()
