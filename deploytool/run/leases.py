"""The leases that a run holds while it changes hosts: renewed while it runs, released at its end.

The first step on a host takes its lease, and the host's ``RECORD`` releases it. The others are released
here at the end of the run, after all rounds and a rollback, so that no other run changes a host in between.
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
    """The leases of one run, by (host, project), each with the time of its last renewal."""

    backend: Backend
    claim: LeaseClaim
    clock: Callable[[], float] = time.monotonic
    _renewed: dict[Key, float] = field(default_factory=dict)

    def renewed(self, key: Key) -> None:
        """Note that a step took or renewed the lease just now."""
        self._renewed[key] = self.clock()

    def released(self, key: Key) -> None:
        """Note that the lease was released, or taken by another run."""
        self._renewed.pop(key, None)

    def due(self) -> Iterator[Key]:
        """The leases that were not renewed for a third of their time to live."""
        now = self.clock()
        return (key for key, renewed in self._renewed.items() if now >= renewed + self.claim.ttl_s / 3)

    def renew(self, key: Key) -> Outcome:
        """Renew the lease on its host; the caller then calls ``renewed`` or ``released``.

        Raises:
            HostUnreachable: the host did not answer.
        """
        host_name, project = key
        return self.backend.renew(host_name, project, self.claim)

    def release_all(
        self, lost: Collection[str], attempts: Mapping[Key, Attempt], forks: int
    ) -> dict[Key, str]:
        """Release all leases, on ``forks`` hosts at a time. On a host in ``lost`` they expire by themselves.

        ``attempts`` go on record as failed releases. Returns the reason by lease where it could not be
        released.
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
