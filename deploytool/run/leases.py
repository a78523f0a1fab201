"""The leases that a run holds while it changes hosts: kept alive, and given back with how it ended.

A lease is taken by the first step on a host and given back by its ``RECORD``. What is left at the end of the
run, after all rounds and a rollback, is given back here; nobody else gets in between before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from deploytool.backend.base import Attempt, Backend, LeaseClaim, Outcome
from deploytool.errors import HostUnreachable
from deploytool.transport.futures import each

Key = tuple[str, str]  # (host, project)


@dataclass(slots=True)
class Leases:
    """By (host, project), when each was last renewed."""

    backend: Backend
    claim: LeaseClaim
    clock: Callable[[], float] = time.monotonic
    _renewed: dict[Key, float] = field(default_factory=dict)

    def kept(self, key: Key) -> None:
        """A step took or renewed it."""
        self._renewed[key] = self.clock()

    def gone(self, key: Key) -> None:
        """It was given back, or another run has it."""
        self._renewed.pop(key, None)

    def due(self) -> Iterator[Key]:
        """Those that were not renewed for a third of what they last."""
        now = self.clock()
        return (key for key, renewed in self._renewed.items() if now >= renewed + self.claim.ttl_s / 3)

    def renew(self, key: Key) -> Outcome:
        """Ask the host; the answer is for ``kept`` or ``gone``.

        Raises:
            HostUnreachable: it did not answer.
        """
        host_name, project = key
        return self.backend.renew(host_name, project, self.claim)

    def give_back(self, lost: Collection[str], attempts: Mapping[Key, Attempt], forks: int) -> dict[Key, str]:
        """Give all back. A host in ``lost`` lets its leases expire.

        ``attempts`` go on record as releases that did not come to be. Returns what went wrong.
        """
        keys = sorted(key for key in {*self._renewed, *attempts} if key[0] not in lost)

        def one(key: Key) -> str:
            host_name, project = key
            try:
                return self.backend.unlock(host_name, project, self.claim, attempts.get(key)).reason
            except HostUnreachable as error:
                return error.message

        told = each(keys, one, forks)
        self._renewed.clear()
        return {key: why for key, why in told.items() if why}
