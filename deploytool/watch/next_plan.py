"""What a watcher would do now: a plan with its patience, and when to think again. Touches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deploytool.core.watch.backoff import History
from deploytool.core.watch.lost_hosts import Away, given_up, next_decision, why_not
from deploytool.errors import ManyProblems
from deploytool.model.intent import Project
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan
from deploytool.plan.planner import Planner, PlanPolicy


@dataclass(frozen=True, slots=True)
class Limits:
    """``reschedule_after_s`` is for plays that do not say; None never gives a host up.

    ``restart_budget`` is how many repairs a service may have in ten minutes, None for the rule of thumb.
    """

    reschedule_after_s: float | None = None
    restart_budget: int | None = None

    def after_s(self, project: Project) -> float | None:
        """How long the hosts of a project may be silent."""
        said = project.reschedule_after_s
        return self.reschedule_after_s if said is None else said


@dataclass(frozen=True, slots=True)
class NextPlan:
    """``waits`` says of projects why something is not done for them, ``wake_s`` when that may change by time
    alone; None where it may not. ``problems`` are the projects that cannot be planned at all, and why."""

    plan: Plan
    waits: Mapping[str, str]
    wake_s: float | None
    problems: Mapping[str, str]


def outlook(
    planner: Planner,
    policy: PlanPolicy,
    limits: Limits,
    observed: Observed,
    away: Mapping[str, Away],
    history: History,
    now_s: float,
) -> NextPlan:
    """Plan with all that is known. ``away`` are the silent hosts; ``policy`` is what a person allowed.

    The planner keeps the policy that results: what is left alone, given up and chosen last. The proxies that
    its last plan needed count as a project.
    """
    projects, fleet = planner.intent.projects, len(observed)
    lost = frozenset(
        (project.name, host)
        for project in projects
        for host in given_up(project, away, limits.after_s(project), fleet)
    )
    base = replace(
        policy,
        schedule=replace(policy.schedule, doubtful=history.doubtful(now_s)),
        reconcile=replace(
            policy.reconcile,
            respect_restart=True,
            rest=history.rest(planner.whole.projects, now_s, limits.restart_budget),
        ),
        patient=False,
    )
    plan, problems = _plan_without(planner, base, observed, lost)
    waits = {project.name: why_not(project, away, limits.after_s(project), fleet) for project in projects}
    unplanned = {name: sentence_of(error) for name, error in problems.items()}
    waits |= unplanned
    decision_s = next_decision([(project, limits.after_s(project)) for project in projects], away)
    times = [
        history.wakes_s(planner.whole.projects, now_s, limits.restart_budget),
        None if decision_s is None else now_s + decision_s,
    ]
    wake_s = min((time_s for time_s in times if time_s is not None), default=None)
    return NextPlan(plan, {name: why for name, why in waits.items() if why}, wake_s, unplanned)


def sentence_of(error: ManyProblems) -> str:
    """All of its problems, without their places."""
    return "; ".join(problem.message for problem in error.problems)


def _plan_without(
    planner: Planner, base: PlanPolicy, observed: Observed, lost: frozenset[tuple[str, str]]
) -> tuple[Plan, dict[str, ManyProblems]]:
    """The plan without the lost hosts; they are kept where the others have no room for what they held."""
    planner.policy = replace(base, schedule=replace(base.schedule, given_up=lost))
    plan, problems = planner.plan_each(observed)
    kept = frozenset(one for one in lost if one[0] not in problems)
    if kept == lost:
        return plan, problems
    planner.policy = replace(base, schedule=replace(base.schedule, given_up=kept))
    return planner.plan_each(observed)[0], problems
