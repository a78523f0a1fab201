"""Leases of other runs: waiting for them, taking over expendable ones, and resolving a deadlock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deploytool.errors import LeaseHeld
from deploytool.model.event import Event, Note
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan
from deploytool.model.release import Lease
from deploytool.run.interrupts import Interrupts
from deploytool.run.lease_owner import is_dead

POLL_S = 1.0
# Of two runs that met while each took its leases, one gives way; the other one gives it this long.
GIVE_WAY_S = 10.0


@dataclass(slots=True)
class LeaseWait:
    """The waiting of one run, whose lease is ``mine``, until ``deadline`` in seconds of ``clock``."""

    mine: Lease
    emit: Callable[[Event], None]
    interrupts: Interrupts
    deadline: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    _told: str = ""  # the owner in the last note: one note for each owner

    def conflict(self, plan: Plan, seen: Observed) -> tuple[str, Lease] | None:
        """The first (host, lease) of the plan with an unexpired lease of another run."""
        for host_name, project in sorted({(step.host, step.project) for step in plan.steps}):
            lease = seen.leases(project, self.mine.owner).get(host_name)
            if lease:
                return host_name, lease
        return None

    def may_take(self, host: str, lease: Lease) -> bool:
        """True if the lease may be taken before it expires; emits a note with the reason.

        The run that holds it is dead, or yields to runs of people and CI.
        """
        if is_dead(lease):
            self.emit(Note(f"{lease.who} left a lease behind on {host} and is gone: taking over", host=host))
            return True
        if lease.yields and not self.mine.yields:
            self.emit(Note(f"taking over from {lease.who} ({lease.reason}) on {host}", host=host))
            return True
        return False

    def poll(self, host: str, lease: Lease) -> None:
        """Wait ``POLL_S`` for a lease.

        Raises:
            LeaseHeld: it is a manual one, or the deadline is over. KeyboardInterrupt: a stop was requested.
        """
        if lease.manual or self.clock() >= self.deadline:
            raise LeaseHeld(held_by(host, lease), hint=_way_out(lease), host=host)
        if self.interrupts.stop_requested:
            raise KeyboardInterrupt
        if self._told != lease.owner:
            self.emit(Note(f"waiting for {held_by(host, lease)}", host=host))
            self._told = lease.owner
        self.sleep(POLL_S)

    def give_way(self, host: str, lease: Lease, *, touched: bool) -> bool:
        """Resolve the deadlock of two runs that each hold leases the other needs; true if this one gave way.

        Both choose the same run by the two owners: a watcher, else the one with the greater owner. It waits
        ``3 * POLL_S`` and has to observe the hosts again. A run that ``touched`` a container never gives way.

        Raises:
            LeaseHeld: this run gives way and its deadline is over, or it is a watcher.
        """
        if touched or lease.manual or not lease.owner:
            return False
        if self.mine.owner < lease.owner and not self.mine.yields:
            self.deadline = max(self.deadline, self.clock() + GIVE_WAY_S)
            return False
        if self.mine.yields or self.clock() >= self.deadline:
            raise LeaseHeld(held_by(host, lease), hint=_way_out(lease), host=host)
        self.sleep(3 * POLL_S)  # the other one first
        return True


def held_by(host: str, lease: Lease) -> str:
    """A sentence about the run that holds a lease."""
    why = f" ({lease.reason})" if lease.reason else ""
    where = f", {lease.url}" if lease.url else ""
    return f"the lease on {host}, held by {lease.who or 'another run'}{why}{where}"


def _way_out(lease: Lease) -> str:
    if lease.manual:
        return "a person took it by hand: ask, or release it with deploytool lock release"
    return "wait for it with --lock-wait 5m; it expires a minute after the other run ends"
