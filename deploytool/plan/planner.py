"""Intent and observed → plan: schedule → render → reconcile → guard → roll out, project by project.

Pure. The schedule of each project takes account of the claims of the earlier ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from deploytool.core.placement.schedule import Claim, Verdict, explain
from deploytool.errors import InputError, ManyProblems, NoHost, Refused
from deploytool.model.desired import Desired, HostFiles
from deploytool.model.intent import Intent, Project
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan, ProjectPlan
from deploytool.plan.ingress import clashing
from deploytool.plan.notes import left_behind
from deploytool.plan.policy import PlanPolicy
from deploytool.plan.project_case import ProjectCase, files_of
from deploytool.plan.project_plan import plan_project, plan_unknown
from deploytool.plan.renderer import Renderer, release_digest
from deploytool.plan.schedules import Schedules, any_answered, schedule_all, schedule_one


@dataclass(frozen=True, slots=True)
class Planner:
    """The planner of one backend, whose file formats ``renderer`` knows. It has no state."""

    renderer: Renderer

    def plan(self, intent: Intent, observed: Observed, policy: PlanPolicy) -> Plan:
        """The plan that turns ``observed`` into ``intent``.

        Raises:
            NoHost: no host for a replica. Refused: by a guard. InputError: a template fails for a host.
        """
        schedules = schedule_all(intent, observed, policy, self.renderer)
        desired = schedules.desired()
        plans: list[ProjectPlan] = []
        for project in schedules.ingress.whole(intent).projects:
            wanted = desired.get(project.name)
            plans.append(self._project(project, wanted, intent, observed, policy, schedules, plans))
        return _plan(intent, observed, policy, schedules, plans)

    def plan_each(
        self, intent: Intent, observed: Observed, policy: PlanPolicy
    ) -> tuple[Plan, dict[str, ManyProblems]]:
        """A plan of every project that can be planned, and the problems of the others by project name.

        A problem is a clash of ports, no host for a replica, a refusal by a guard, or a template that fails.
        """
        clashes: Mapping[str, InputError] = {}
        try:
            schedules = schedule_all(intent, observed, policy, self.renderer)
        except InputError:  # the ingress ports concern all projects
            clashes = clashing(intent, observed)
            schedules = schedule_all(intent, observed, policy, self.renderer, clashes)
        desired = {claim.project.name: claim.desired for claim in schedules.claims}
        problems: dict[str, ManyProblems] = {**clashes, **schedules.homeless}
        plans: list[ProjectPlan] = []
        for project in schedules.ingress.whole(intent).projects:
            if project.name in problems:
                continue
            try:
                wanted = desired.get(project.name)
                plans.append(self._project(project, wanted, intent, observed, policy, schedules, plans))
            except (Refused, InputError) as error:
                problems[project.name] = error
        return _plan(intent, observed, policy, schedules, plans), problems

    def explain(
        self, intent: Intent, observed: Observed, policy: PlanPolicy, service: str
    ) -> list[tuple[Project, tuple[Verdict, ...]]]:
        """For every project with the service, the verdict on each host; also where no host is chosen."""
        claims: list[Claim] = []
        found = []
        for project in intent.projects:
            if project.service(service):
                verdicts = explain(project, observed, service, policy=policy.schedule, claims=claims)
                found.append((project, verdicts))
            if any_answered(project, observed):
                with suppress(NoHost):  # reported by the plan; an unscheduled project claims nothing
                    desired = schedule_one(project, observed, policy, self.renderer, claims)
                    claims.append(Claim(project, desired))
        return found

    def files(
        self, intent: Intent, observed: Observed, policy: PlanPolicy
    ) -> dict[tuple[str, str], HostFiles]:
        """(host, project) → the files that the host should hold.

        Raises:
            NoHost, InputError: as ``plan``.
        """
        schedules = schedule_all(intent, observed, policy, self.renderer)
        desired = schedules.desired()
        return {
            (host_name, claim.project.name): files
            for claim in schedules.claims
            for host_name, files in files_of(
                claim.project, desired[claim.project.name], observed, schedules.ingress, self.renderer
            ).items()
        }

    def digest_of(self, project: Project, desired: Desired) -> str:
        """The digest of the release of a project with this schedule; empty where a host of it left the play.

        Raises:
            InputError: a template fails for a host.
        """
        hosts = {host.name: host for host in project.hosts}
        if not hosts.keys() >= set(desired.members):
            return ""
        files = {name: self.renderer.host_files(project, desired, hosts[name]) for name in desired.members}
        return release_digest(project, desired, files)

    def _project(
        self,
        project: Project,
        desired: Desired | None,
        intent: Intent,
        observed: Observed,
        policy: PlanPolicy,
        schedules: Schedules,
        before: list[ProjectPlan],
    ) -> ProjectPlan:
        if desired is None:
            return plan_unknown(project)
        ingress = schedules.ingress
        files = files_of(project, desired, observed, ingress, self.renderer)
        hosts = intent.inventory.hosts
        case = ProjectCase(project, desired, files, observed, policy, ingress, hosts, tuple(before))
        return plan_project(case)


def _plan(
    intent: Intent, observed: Observed, policy: PlanPolicy, schedules: Schedules, plans: list[ProjectPlan]
) -> Plan:
    return Plan(
        projects=schedules.ingress.after(plans),
        notes=tuple(left_behind(intent, observed)) if policy.whole_playbook else (),
        proxies=schedules.ingress.project,
        began=schedules.began,
    )
