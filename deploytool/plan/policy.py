"""The policy of a plan: the options of the command line that decide what a plan may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from deploytool.core.change.guard import GuardPolicy
from deploytool.core.change.reconcile import ReconcilePolicy
from deploytool.core.placement.schedule import SchedulePolicy
from deploytool.model.desired import Desired
from deploytool.model.release import Stamp

NO_STAMP = Stamp("", "", "")


@dataclass(frozen=True, slots=True)
class PlanPolicy:
    """The options of one plan.

    ``limit``: the only hosts that may change, None for all. ``max_moves``: the most replicas that may move
    for balance, counted from the schedules in ``began``, those of the first plan of a run. ``pinned``:
    project → a schedule to use as it is (a rollback). ``whole_playbook``: no play was left out by tags, so
    that a missing play is a removed one. ``patient``: steps of a repair wait until replicas are healthy; a
    watcher need not, since it follows their events. ``timeout_s``: the deadline of each gate, None for the
    one of the healthcheck. ``stamp``: the origin of the release.
    """

    schedule: SchedulePolicy = SchedulePolicy()
    reconcile: ReconcilePolicy = ReconcilePolicy()
    guard: GuardPolicy = GuardPolicy()
    limit: frozenset[str] | None = None
    max_moves: int = 0
    whole_playbook: bool = True
    patient: bool = True
    timeout_s: float | None = None
    stamp: Stamp = NO_STAMP
    pinned: Mapping[str, Desired] = field(default_factory=dict)
    began: Mapping[str, Desired] = field(default_factory=dict)

    def pinning(self, schedules: Mapping[str, Desired]) -> PlanPolicy:
        """The policy with exactly these schedules pinned."""
        return replace(self, pinned=schedules)

    def as_asked(self) -> PlanPolicy:
        """The policy for an explicit rollback or ``down``: services may vanish without a confirmation."""
        return replace(self, guard=replace(self.guard, allow_vanished=True))

    def midway(self) -> PlanPolicy:
        """The policy for the rest of a run: without the guards that the run's own changes could trip."""
        return replace(self, guard=self.guard.midway)
