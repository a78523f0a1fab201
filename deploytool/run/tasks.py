"""Tasks: the steps of a plan, each with the files, images and release that its host needs for it."""

from __future__ import annotations

from deploytool.backend.base import Task
from deploytool.model.intent import Intent
from deploytool.model.plan import Plan, ProjectPlan, Step, StepKind

_WRITES = (StepKind.PREPARE, StepKind.RECORD, StepKind.ENDPOINTS)


class Tasks:
    """The tasks of one plan."""

    def __init__(self, plan: Plan, intent: Intent) -> None:
        self._plans = {project.project: project for project in plan.projects}
        self._pulls = {(p.name, s.name): s.pull for p in intent.projects for s in p.services}

    def of(self, step: Step) -> Task:
        """The task of one step of the plan."""
        plan = self._plans[step.project]
        files = plan.files.get(step.host)
        spec = files.specs.get(step.service) if files else None
        recorded = step.kind is StepKind.RECORD
        return Task(
            step=step,
            files=files if step.kind in _WRITES else None,
            release=plan.release if recorded else None,
            possible_holders=plan.possible_holders if recorded else plan.possible_holders_meanwhile,
            spec=spec.digest if spec else "",
            images=self._images(plan, step.host) if step.kind is StepKind.PREPARE else (),
            project_kind=plan.kind,
        )

    def _images(self, plan: ProjectPlan, host_name: str) -> tuple[tuple[str, str], ...]:
        """(pull policy, image) of every service that the plan starts on a host, each image once."""
        specs = plan.files[host_name].specs
        starting = {s.service for s in plan.steps if s.host == host_name and s.kind is StepKind.START}
        wanted = {specs[s].image: self._pulls.get((plan.project, s), "missing") for s in sorted(starting)}
        return tuple((policy, image) for image, policy in wanted.items())
