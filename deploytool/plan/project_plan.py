"""The plan of one project: reconcile → guard → roll out → ingress → records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from deploytool.core.change.guard import GuardPolicy, guard
from deploytool.core.change.reconcile import Change
from deploytool.core.change.rollout import RolledOut, roll_out, unwatched
from deploytool.model.backing_off import NONE_BACKING_OFF
from deploytool.model.desired import Desired
from deploytool.model.intent import Project, ProjectKind
from deploytool.model.plan import ProjectPlan, Step, StepKind
from deploytool.plan.notes import notes_of, summaries
from deploytool.plan.project_case import ProjectCase
from deploytool.plan.records import Record, limited, record_of, repairs


def plan_project(case: ProjectCase) -> ProjectPlan:
    """The plan of one project: its steps, its release, its files, and remarks for people.

    Raises:
        Refused: by a guard. InputError: a template fails for a host.
    """
    changes = case.changes()
    guard(case.project, changes, case.observed, _guard_policy(case))
    rolled = roll_out(case.project, changes, case.observed, case.policy.timeout_s, _stopped(case.before))
    record = record_of(case, tuple(dict.fromkeys(change.service for change in changes if change.touched)))
    alone = case.backing_off != NONE_BACKING_OFF and _leaves_alone(case, changes, record)
    steps, left_out = limited(_steps(case, changes, rolled, record, alone), case.policy.limit)
    touched = {step.host for step in steps}
    return ProjectPlan(
        project=case.name,
        pattern=case.project.pattern,
        hosts=tuple(host.name for host in case.project.hosts),
        desired=case.desired,
        steps=steps,
        files={name: file for name, file in case.files.items() if name in touched},
        release=record.release,
        repairs=repairs(record),
        backing_off=alone,
        summaries=tuple(summaries(case, changes, rolled)),
        specs={(s, name): spec.digest for name, f in case.files.items() for s, spec in f.specs.items()},
        notes=(*rolled.notes, *notes_of(case, record, left_out)),
        kind=case.project.kind,
        possible_holders=record.possible_holders,
        possible_holders_meanwhile=record.possible_holders_meanwhile,
    )


def plan_unknown(project: Project) -> ProjectPlan:
    """The empty plan of a project of which no host answered."""
    hosts = tuple(host.name for host in project.hosts)
    notes = ("none of its hosts answered: nothing is known of it",)
    desired = Desired(project.name, {})
    return ProjectPlan(project.name, project.pattern, hosts, desired, notes=notes, kind=project.kind)


def _steps(
    case: ProjectCase, changes: Sequence[Change], rolled: RolledOut, record: Record, alone: bool
) -> list[Step]:
    """The announcements, then the changes, then the records."""
    ordered = case.with_ingress(rolled.steps, case.before)
    changing = unwatched(ordered) if repairs(record) and not case.policy.patient else ordered
    prepared = {step.host for step in changing if step.kind is StepKind.PREPARE}
    records: list[Step] = []
    if repairs(record) or not alone:  # a new release is recorded only once all of it runs
        written = {change.host for change in changes if change.touched}
        if record.has_stale_holder(
            record.possible_holders_meanwhile
        ):  # the list that ``PREPARE`` has written
            written |= prepared
        records = record.steps(written)
    return [*record.announcements(prepared, records), *changing, *records]


def _leaves_alone(case: ProjectCase, changes: Sequence[Change], record: Record) -> bool:
    """True if back-off keeps something unchanged that the plan would otherwise change."""
    policy = replace(case.policy, reconcile=replace(case.policy.reconcile, backing_off=NONE_BACKING_OFF))
    every = replace(case, policy=policy)
    return _differences(every, every.changes(), record) != _differences(case, changes, record)


def _differences(case: ProjectCase, changes: Sequence[Change], record: Record) -> tuple[object, ...]:
    return (
        [change for change in changes if change.touched],
        replace(record, case=case).steps(),
        case.with_ingress(()),
    )


def _guard_policy(case: ProjectCase) -> GuardPolicy:
    """The guard's policy. The proxies may vanish: they do so with the last play that needs them."""
    policy = case.policy.guard
    return replace(policy, allow_vanished=True) if case.project.kind is ProjectKind.INGRESS else policy


def _stopped(plans: Iterable[ProjectPlan]) -> dict[str, str]:
    """Id of a container that an earlier project stops → id of that step; its port is free afterwards."""
    steps = (step for plan in plans for step in plan.steps if step.kind is StepKind.STOP)
    return {container.id: step.id for step in steps for container in step.containers}
