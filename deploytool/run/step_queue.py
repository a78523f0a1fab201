"""The queue of a plan's steps: those that wait, those that may start now, and those that are skipped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from enum import Enum

from deploytool.model.intent import Intent
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan, Step, StepKind
from deploytool.run.failures import Failures


class StepState(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class StepQueue:
    """The order of a plan's steps: after their needs; preparations first, wave after wave, records last.

    Times are seconds of one clock. ``skipped`` has the steps that never start, each with its reason; the
    reason is empty where a step before it failed.
    """

    def __init__(self, plan: Plan, intent: Intent) -> None:
        self._plans = {project.project: project for project in plan.projects}
        self._steps = {step.id: step for step in plan.steps}
        self._projects = {project.name: project for project in intent.projects}
        self._state = dict.fromkeys(self._steps, StepState.WAITING)
        self._waiting = dict(self._steps)
        self._unfinished = {name: Counter[int]() for name in self._plans}
        for step in self._waiting.values():
            self._unfinished[step.project][self._phase(step)] += 1
        self._unprepared = sum(step.kind is StepKind.PREPARE for step in self._waiting.values())
        self._failures = Failures()
        self._incomplete: set[str] = set()  # projects with a failed or skipped step: no release to record
        self._ended_s: dict[str, float] = {}
        self.skipped: list[tuple[Step, str]] = []

    # --- queries ----------------------------------------------------------------------------------------

    def waiting(self) -> tuple[Step, ...]:
        """The steps that have not started, in the order of the plan."""
        return tuple(self._waiting.values())

    def may_begin(self, step: Step) -> bool:
        """True if its needs, all preparations, and all earlier phases of the project have ended."""
        if self._unprepared and step.kind is not StepKind.PREPARE:
            return False
        if any(self._state.get(need) in (StepState.WAITING, StepState.RUNNING) for need in step.needs):
            return False
        return self._phase(step) <= min(phase for phase, n in self._unfinished[step.project].items() if n)

    def due_s(self, step: Step) -> float:
        """The earliest time at which a step may start whose needs have ended; 0.0 without a delay."""
        last_s = max((self._ended_s.get(need, 0.0) for need in step.needs), default=0.0)
        return last_s + step.delay_s if step.delay_s else 0.0

    def is_hopeless(self, step: Step, lost: Collection[str]) -> bool:
        """True if a step can never start: its host is ``lost``, or a step that it needs failed."""
        if step.host in lost or (step.kind is StepKind.RECORD and step.project in self._incomplete):
            return True
        return any(self._blocks(need, step) for need in step.needs)

    def is_blocked_elsewhere(self, step: Step) -> bool:
        """True if the step cannot start because of a failure on another host."""
        return any(self._blocks(need, step) and self._steps[need].host != step.host for need in step.needs)

    def others_may_continue(self, step: Step) -> bool:
        """True if steps on other hosts may start although they need ``step``, which failed."""
        return self._failures.may_continue_after(self._projects[step.project], step)

    def ends_project(self, step: Step) -> bool:
        """True if the failure of ``step`` stops all further changes of its project."""
        return self._failures.ends_all(self._projects[step.project], step)

    # --- updates ----------------------------------------------------------------------------------------

    def begin(self, step: Step) -> None:
        self._state[step.id] = StepState.RUNNING
        del self._waiting[step.id]

    def finish(self, step: Step, now_s: float, *, failed: bool) -> None:
        """Mark a running step as done or failed."""
        self._ended_s[step.id] = now_s
        self._settle(step, StepState.FAILED if failed else StepState.DONE)

    def count_failure(self, step: Step) -> None:
        """Count a failed step against the failure limits of its play."""
        self._failures.count(step)

    def skip(self, steps: Iterable[Step], because: str = "") -> None:
        """Mark waiting steps as skipped."""
        for step in list(steps):
            self._settle(step, StepState.SKIPPED)
            self.skipped.append((step, because))
            del self._waiting[step.id]

    def skip_project(self, project: str) -> None:
        """Skip all waiting steps of a project."""
        self.skip(step for step in self.waiting() if step.project == project)

    def skip_after_unreachable(self, observed: Observed) -> None:
        """Skip the batches behind one with too many unreachable hosts, in plays that limit failed hosts."""
        for name in self._plans:
            for wave, hosts in self._failures.count_unreachable(self._projects[name], observed):
                because = f"{', '.join(hosts)} did not answer, and the play does not go on without"
                self.skip(self._of_waves(name, wave), because)

    # --- helpers ----------------------------------------------------------------------------------------

    def _of_waves(self, project: str, first: int) -> Iterator[Step]:
        return (step for step in self.waiting() if step.project == project and step.wave >= first)

    def _settle(self, step: Step, state: StepState) -> None:
        """Set the final state of a step, and count it off its phase."""
        self._state[step.id] = state
        self._unfinished[step.project][self._phase(step)] -= 1
        self._unprepared -= step.kind is StepKind.PREPARE
        if state is not StepState.DONE:
            self._incomplete.add(step.project)

    def _blocks(self, need: str, step: Step) -> bool:
        """True if ``step`` cannot start since ``need`` failed, on the same host or beyond the limits."""
        if self._state.get(need) not in (StepState.FAILED, StepState.SKIPPED):
            return False
        needed = self._steps[need]
        return needed.host == step.host or not self.others_may_continue(needed)

    def _phase(self, step: Step) -> int:
        """0 for preparations, then one phase a wave, then the records.

        Hosts with no replica left are recorded before the others, which then drop them from their lists.
        """
        if step.kind is StepKind.RECORD:
            return _LAST_PHASE + (self._plans[step.project].files[step.host].manifest is not None)
        return 0 if step.kind is StepKind.PREPARE else 1 + step.wave


_LAST_PHASE = 1_000_000
