"""The outcome of a project in which steps failed: for the report, and as the record of a failed release."""

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


def ending_of(project: Project, total: Executed) -> FailureOutcome | None:
    """The outcome that the project's policies give its failures; None where it had none.

    ``NOT_ROLLED_BACK`` where it is to be rolled back; the rollback then replaces that by its own outcome.
    """
    mine = [failure for failure in total.failures if failure.step.project == project.name]
    if not mine or project.name not in total.touched:
        return FailureOutcome.UNCHANGED if mine else None
    beyond = {service for name, service in total.beyond if name == project.name}
    actions = {s.update.failure_action for s in project.services if s.name in beyond}
    if FailureAction.ROLLBACK in actions:
        return FailureOutcome.NOT_ROLLED_BACK
    return FailureOutcome.PAUSED if beyond or project.name in total.paused else FailureOutcome.WENT_ON


def attempts_of(
    plan: Plan, total: Executed, endings: Mapping[str, FailureOutcome], went_back: Mapping[str, int]
) -> dict[str, tuple[Attempt, frozenset[str]]]:
    """The releases that a run attempted and did not complete, by project, with the hosts that it changed.

    A release that was recorded before the run is left out: it was repaired, not attempted.
    """
    found = {}
    for project in plan.projects:
        ended = _ended(project, total, endings.get(project.project), went_back.get(project.project))
        if ended and project.release and not project.repairs:
            hosts = frozenset(step.host for step in project.steps)
            attempt = Attempt(replace(project.release, outcome=ended), project.others_meanwhile)
            found[project.project] = attempt, hosts
    return found


def _ended(
    project: ProjectPlan, total: Executed, ending: FailureOutcome | None, went_back: int | None
) -> str:
    mine = [failure for failure in total.failures if failure.step.project == project.project]
    if not mine:
        return "interrupted" if total.interrupted and project.project in total.touched else ""
    first = mine[0]
    how = f"{ending.value}" if ending else ""
    if went_back is not None:
        how = (
            f"{how}: release {went_back}"
            if ending is FailureOutcome.ROLLBACK_FAILED
            else f"{how} to release {went_back}"
        )
    where = f"{first.step.host} {first.step.service}".strip()
    sentence = f"failed, {how}; {where}: {first.reason}"
    return sentence if len(sentence) <= MOST_CHARACTERS else f"{sentence[: MOST_CHARACTERS - 1]}…"
