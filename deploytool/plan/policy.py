"""The policy of a plan: what a person allowed and asked for, and what goes on record of them."""

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
    """What a person allowed and asked for, for one plan.

    ``limit``: the only hosts that a step may touch. ``max_moves``: how many replicas may move for balance,
    counted from the schedules in ``began``, those of the first plan of a run. ``pinned``: schedules that are
    taken as they are, by project (a rollback). ``whole_playbook``: no play was left out by tags, so a play
    that is not there is gone. ``patient``: a repair waits for its replicas' health; a watcher goes on
    looking and need not. ``stamp``: who plans, for the release. ``timeout_s``: the deadline of each gate,
    None for the one that follows from the healthcheck.
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
        """The same policy with these schedules, and no others, taken as they are."""
        return replace(self, pinned=schedules)

    def as_asked(self) -> PlanPolicy:
        """The same policy for an intent that a person named: that projects vanish from the files is meant."""
        return replace(self, guard=replace(self.guard, allow_vanished=True))

    def midway(self) -> PlanPolicy:
        """The same policy in the middle of a change: what it broke so far is no reason to refuse the rest."""
        return replace(self, guard=self.guard.midway)
