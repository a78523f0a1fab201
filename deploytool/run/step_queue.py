"""The steps of a plan that have not begun: which may begin now, which never will, and why."""

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
    """Keeps the barriers of a plan: needs, preparations before all else, wave after wave, records last.

    Times are seconds of one clock. ``skipped`` are the steps that never begin, each with its reason; empty
    where a step before it failed.
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
        self._spoilt: set[str] = set()  # projects in which a step did not succeed: nothing to record
        self._ended_s: dict[str, float] = {}
        self.skipped: list[tuple[Step, str]] = []

    # --- asking -----------------------------------------------------------------------------------------

    def waiting(self) -> tuple[Step, ...]:
        """The steps that have not begun, in the order of the plan."""
        return tuple(self._waiting.values())

    def may_begin(self, step: Step) -> bool:
        """Whether its needs, all preparations, and all earlier phases of the project have ended."""
        if self._unprepared and step.kind is not StepKind.PREPARE:
            return False
        if any(self._state.get(need) in (StepState.WAITING, StepState.RUNNING) for need in step.needs):
            return False
        return self._phase(step) <= min(phase for phase, n in self._unfinished[step.project].items() if n)

    def due_s(self, step: Step) -> float:
        """The earliest time to begin a step that waits for nothing but its delay."""
        last_s = max((self._ended_s.get(need, 0.0) for need in step.needs), default=0.0)
        return last_s + step.delay_s if step.delay_s else 0.0

    def is_hopeless(self, step: Step, lost: Collection[str]) -> bool:
        """Whether a step can never begin, with these hosts ``lost``."""
        if step.host in lost or (step.kind is StepKind.RECORD and step.project in self._spoilt):
            return True
        return any(self._blocks(need, step) for need in step.needs)

    def is_blocked_elsewhere(self, step: Step) -> bool:
        """Whether a failure on another host is what rules a step out."""
        return any(self._blocks(need, step) and self._steps[need].host != step.host for need in step.needs)

    def tolerated(self, step: Step) -> bool:
        """Whether steps on other hosts go on although ``step`` failed."""
        return self._failures.tolerated(self._projects[step.project], step)

    def ends_project(self, step: Step) -> bool:
        """Whether the failure of ``step`` ends the whole project."""
        return self._failures.ends_all(self._projects[step.project], step)

    # --- telling ----------------------------------------------------------------------------------------

    def begin(self, step: Step) -> None:
        self._state[step.id] = StepState.RUNNING
        del self._waiting[step.id]

    def finish(self, step: Step, now_s: float, *, failed: bool) -> None:
        """A step that had begun has ended."""
        self._ended_s[step.id] = now_s
        self._settle(step, StepState.FAILED if failed else StepState.DONE)

    def count_failure(self, step: Step) -> None:
        """Let a failed step count against what its play tolerates."""
        self._failures.note(step)

    def skip(self, steps: Iterable[Step], because: str = "") -> None:
        """These steps never begin."""
        for step in list(steps):
            self._settle(step, StepState.SKIPPED)
            self.skipped.append((step, because))
            del self._waiting[step.id]

    def skip_project(self, project: str) -> None:
        """Nothing more of this project begins."""
        self.skip(step for step in self.waiting() if step.project == project)

    def skip_absent(self, observed: Observed) -> None:
        """A host that did not answer has failed, for a play that says how many hosts may."""
        for name in self._plans:
            for wave, hosts in self._failures.absent(self._projects[name], observed):
                because = f"{', '.join(hosts)} did not answer, and the play does not go on without"
                self.skip(self._of_waves(name, wave), because)

    # --- inside -----------------------------------------------------------------------------------------

    def _of_waves(self, project: str, first: int) -> Iterator[Step]:
        return (step for step in self.waiting() if step.project == project and step.wave >= first)

    def _settle(self, step: Step, state: StepState) -> None:
        """A step came to its end, or never will."""
        self._state[step.id] = state
        self._unfinished[step.project][self._phase(step)] -= 1
        self._unprepared -= step.kind is StepKind.PREPARE
        if state is not StepState.DONE:
            self._spoilt.add(step.project)

    def _blocks(self, need: str, step: Step) -> bool:
        """Whether the end of ``need`` rules ``step`` out: a failure elsewhere may be tolerated."""
        if self._state.get(need) not in (StepState.FAILED, StepState.SKIPPED):
            return False
        needed = self._steps[need]
        return needed.host == step.host or not self.tolerated(needed)

    def _phase(self, step: Step) -> int:
        """Preparations, then wave after wave, then the records; first where nothing is to run any more, so
        that no other host forgets one that still remembers."""
        if step.kind is StepKind.RECORD:
            return _LAST_PHASE + (self._plans[step.project].files[step.host].manifest is not None)
        return 0 if step.kind is StepKind.PREPARE else 1 + step.wave


_LAST_PHASE = 1_000_000
