"""Waiting for leases that other runs hold: who is waited for, who is taken over, and who gives way."""

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
    """The waiting of one run, whose lease is ``mine``, until ``deadline`` by ``clock``."""

    mine: Lease
    emit: Callable[[Event], None]
    interrupts: Interrupts
    deadline: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    _told: str = ""  # the owner that was last said to be waited for

    def held(self, plan: Plan, seen: Observed) -> tuple[str, Lease] | None:
        """The first host of the plan on which another run's lease still holds."""
        for host_name, project in sorted({(step.host, step.project) for step in plan.steps}):
            lease = seen.leases(project, self.mine.owner).get(host_name)
            if lease:
                return host_name, lease
        return None

    def may_take(self, host: str, lease: Lease) -> bool:
        """Whether the lease may be taken although it has not expired; says why."""
        if is_dead(lease):
            self.emit(Note(f"{lease.who} left a lease behind on {host} and is gone: taking over", host=host))
            return True
        if lease.yields and not self.mine.yields:
            self.emit(Note(f"taking over from {lease.who} ({lease.reason}) on {host}", host=host))
            return True
        return False

    def poll(self, host: str, lease: Lease) -> None:
        """Wait a moment for a lease.

        Raises:
            LeaseHeld: a person took it by hand, or the deadline is over. KeyboardInterrupt: asked to end.
        """
        if lease.manual or self.clock() >= self.deadline:
            raise LeaseHeld(held_by(host, lease), hint=_way_out(lease), host=host)
        if self.interrupts.asked:
            raise KeyboardInterrupt
        if self._told != lease.owner:
            self.emit(Note(f"waiting for {held_by(host, lease)}", host=host))
            self._told = lease.owner
        self.sleep(POLL_S)

    def give_way(self, host: str, lease: Lease, *, touched: bool) -> bool:
        """Let one of two runs give up that met while each took its leases; True where it was this one.

        Both know both owners, so both know which one that is: a watcher, else the greater owner. Then the
        hosts are to be looked at anew. A run that ``touched`` a container goes on.

        Raises:
            LeaseHeld: this run gives up for good.
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
