"""The next plan of a watcher, with back-off, and the time at which to plan again. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deploytool.backend.base import Backend
from deploytool.core.watch.backoff import History
from deploytool.core.watch.lost_hosts import Away, given_up, next_decision, why_not
from deploytool.errors import ManyProblems
from deploytool.model.intent import Intent, Project
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan
from deploytool.plan.policy import PlanPolicy


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that the user sets for all plays.

    ``reschedule_after_s``: seconds of silence after which a host is given up, for plays without a value; None
    for never. ``restart_budget``: the most repairs of a service in ten minutes; None for the default.
    """

    reschedule_after_s: float | None = None
    restart_budget: int | None = None

    def after_s(self, project: Project) -> float | None:
        """Seconds that the hosts of a project may be silent; None for ever."""
        said = project.reschedule_after_s
        return self.reschedule_after_s if said is None else said


@dataclass(frozen=True, slots=True)
class NextPlan:
    """The plan of a watcher.

    ``policy`` is the one that it was made with: what backs off, and which hosts are given up or chosen
    last. ``waits`` has, by project, the reason for which something is left undone; ``wake_s`` is the
    time at which that may change without any event, None where it cannot. ``problems`` has, by project, the
    reason for which there is no plan.
    """

    plan: Plan
    policy: PlanPolicy
    waits: Mapping[str, str]
    wake_s: float | None
    problems: Mapping[str, str]


def next_plan(
    backend: Backend,
    intent: Intent,
    policy: PlanPolicy,
    limits: Limits,
    observed: Observed,
    away: Mapping[str, Away],
    history: History,
    now_s: float,
    before: Plan,
) -> NextPlan:
    """Plan from the known state of the hosts. ``away`` are the silent ones; ``policy`` is the options'.

    The proxies that the plan ``before`` needed back off as a project does.
    """
    fleet = len(observed)
    lost = frozenset(
        (project.name, host)
        for project in intent.projects
        for host in given_up(project, away, limits.after_s(project), fleet)
    )
    base = replace(
        policy,
        schedule=replace(policy.schedule, doubtful=history.doubtful(now_s)),
        reconcile=replace(
            policy.reconcile,
            respect_restart=True,
            backing_off=history.backing_off(before.whole(intent).projects, now_s, limits.restart_budget),
        ),
        patient=False,
    )
    plan, made_with, problems = _plan_without(backend, intent, base, observed, lost)
    waits = {p.name: why_not(p, away, limits.after_s(p), fleet) for p in intent.projects}
    unplanned = {name: sentence_of(error) for name, error in problems.items()}
    waits |= unplanned
    decision_s = next_decision([(project, limits.after_s(project)) for project in intent.projects], away)
    times = [
        history.wakes_s(plan.whole(intent).projects, now_s, limits.restart_budget),
        None if decision_s is None else now_s + decision_s,
    ]
    wake_s = min((time_s for time_s in times if time_s is not None), default=None)
    return NextPlan(plan, made_with, {n: why for n, why in waits.items() if why}, wake_s, unplanned)


def sentence_of(error: ManyProblems) -> str:
    """The messages of all problems, without their places."""
    return "; ".join(problem.message for problem in error.problems)


def _plan_without(
    backend: Backend, intent: Intent, base: PlanPolicy, observed: Observed, lost: frozenset[tuple[str, str]]
) -> tuple[Plan, PlanPolicy, dict[str, ManyProblems]]:
    """The plan that moves the replicas of lost hosts; they stay on paper where other hosts have no room."""
    policy = _giving_up(base, lost)
    plan, problems = backend.plan_each(intent, observed, policy)
    kept = frozenset(one for one in lost if one[0] not in problems)
    if kept == lost:
        return plan, policy, problems
    policy = _giving_up(base, kept)
    return backend.plan_each(intent, observed, policy)[0], policy, problems


def _giving_up(policy: PlanPolicy, lost: frozenset[tuple[str, str]]) -> PlanPolicy:
    return replace(policy, schedule=replace(policy.schedule, given_up=lost))
