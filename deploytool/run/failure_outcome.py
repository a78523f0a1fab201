"""The outcome of a project in which steps failed: for the report and the record of the failed release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deploytool.backend.base import Attempt
from deploytool.model.event import FailureOutcome
from deploytool.model.intent import Project
from deploytool.model.plan import Plan, ProjectPlan
from deploytool.model.policies import FailureAction
from deploytool.run.execute import Executed

MOST_CHARACTERS = 200


def failure_outcome(project: Project, total: Executed) -> FailureOutcome | None:
    """The outcome of the project's failures under its ``failure_action``; None where nothing failed.

    ``NOT_ROLLED_BACK`` means that a rollback is due; it replaces this by its own outcome.
    """
    mine = [failure for failure in total.failures if failure.step.project == project.name]
    if not mine or project.name not in total.touched:
        return FailureOutcome.UNCHANGED if mine else None
    over_limit = {service for name, service in total.over_failure_limit if name == project.name}
    actions = {s.update.failure_action for s in project.services if s.name in over_limit}
    if FailureAction.ROLLBACK in actions:
        return FailureOutcome.NOT_ROLLED_BACK
    return FailureOutcome.PAUSED if over_limit or project.name in total.paused else FailureOutcome.WENT_ON


def attempts_of(
    plan: Plan, total: Executed, outcomes: Mapping[str, FailureOutcome], rolled_back: Mapping[str, int]
) -> dict[str, tuple[Attempt, frozenset[str]]]:
    """The releases that a run did not complete, by project, each with the hosts that it changed.

    A release that was on record before the run is left out: the run repaired it.
    """
    found = {}
    for project in plan.projects:
        ended = _ended(project, total, outcomes.get(project.project), rolled_back.get(project.project))
        if ended and project.release and not project.repairs:
            hosts = frozenset(step.host for step in project.steps)
            attempt = Attempt(replace(project.release, outcome=ended), project.possible_holders_meanwhile)
            found[project.project] = attempt, hosts
    return found


def _ended(
    project: ProjectPlan, total: Executed, outcome: FailureOutcome | None, rolled_back: int | None
) -> str:
    mine = [failure for failure in total.failures if failure.step.project == project.project]
    if not mine:
        return "interrupted" if total.interrupted and project.project in total.touched else ""
    first = mine[0]
    how = f"{outcome.value}" if outcome else ""
    if rolled_back is not None:
        how = (
            f"{how}: release {rolled_back}"
            if outcome is FailureOutcome.ROLLBACK_FAILED
            else f"{how} to release {rolled_back}"
        )
    where = f"{first.step.host} {first.step.service}".strip()
    sentence = f"failed, {how}; {where}: {first.reason}"
    return sentence if len(sentence) <= MOST_CHARACTERS else f"{sentence[: MOST_CHARACTERS - 1]}…"
