"""The repairs that a watcher has running: one run for each project, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from deploytool.backend.base import Backend
from deploytool.model.event import Event, FailureOutcome, Report
from deploytool.model.intent import Intent, Project, ProjectKind
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan, ProjectPlan, StepKind
from deploytool.model.release import Lease
from deploytool.plan.policy import PlanPolicy
from deploytool.run.converge import Run, RunOptions
from deploytool.run.rollback import PinnedRelease, pin_current_release


@dataclass(frozen=True, slots=True)
class Repaired:
    """A repair that has ended.

    ``found``: its report, or the exception that ended it. ``after``: the hosts as they were seen last.
    ``instead``: the release to keep from now on, where an update failed. ``begun_s``: by the watcher's clock.
    """

    project: Project
    plan: ProjectPlan
    begun_s: float
    found: Report | BaseException
    after: Observed
    instead: PinnedRelease | None = None


class Repairs:
    """``start`` runs a function in another thread; ``ended`` is called there when a repair has ended."""

    def __init__(
        self,
        backend: Backend,
        lease: Lease,
        forks: int,
        start: Callable[[Callable[[], None]], object],
        emit: Callable[[Event], None],
        ended: Callable[[Repaired], None],
    ) -> None:
        self._backend, self._lease, self._forks = backend, lease, forks
        self._start, self._emit, self._ended = start, emit, ended
        self._running: dict[str, tuple[Run, ProjectPlan]] = {}

    def __bool__(self) -> bool:
        return bool(self._running)

    def __contains__(self, project_name: str) -> bool:
        return project_name in self._running

    def changes_proxies(self) -> bool:
        """A repair of the proxies is under way."""
        return any(plan.kind is ProjectKind.INGRESS for _, plan in self._running.values())

    def begin(
        self,
        project: Project,
        plan: ProjectPlan,
        seen: Observed,
        intent: Intent,
        policy: PlanPolicy,
        now_s: float,
    ) -> None:
        """Carry out the plan of one project, made of ``seen``."""
        alone = replace(intent, projects=(project,))
        options = RunOptions(self._forks, rounds=1)  # what is left is the next plan's
        policy = replace(policy, whole_playbook=False)
        run = Run(alone, policy, self._backend, self._lease, self._emit, options)
        self._running[project.name] = (run, plan)
        self._start(lambda: self._ended(self._repair(run, project, plan, seen, now_s)))

    def forget(self, project_name: str) -> None:
        """Its end has been taken in."""
        del self._running[project_name]

    def interrupt(self) -> None:
        """Let every repair end after the steps that it has begun."""
        for run, _ in self._running.values():
            run.interrupts.stop_requested = True

    def stopping(self) -> set[str]:
        """The ids of the containers that a running repair stops: their end is no failure."""
        steps = (step for _, plan in self._running.values() for step in plan.steps)
        return {c.id for step in steps if step.kind is StepKind.STOP for c in step.containers}

    def _repair(
        self, run: Run, project: Project, plan: ProjectPlan, seen: Observed, begun_s: float
    ) -> Repaired:
        try:
            found, after = run.carry_out(Plan((plan,)), seen)
            instead = run.pinned_releases.get(project.name)
            begun = plan.repairs or found.endings.get(project.name) is not FailureOutcome.UNCHANGED
            if (
                not begun and project.kind is ProjectKind.SERVICES
            ):  # which each plan makes from the plays that need it
                instead = pin_current_release(run.intent, project, after, self._backend, self._forks)
        except (Exception, KeyboardInterrupt) as error:  # the deciding thread reports it and goes on
            return Repaired(project, plan, begun_s, error, Observed())
        return Repaired(project, plan, begun_s, found, after, instead)
