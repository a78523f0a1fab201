"""Expected and actual side by side. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from deploytool.errors import Problem
from deploytool.model.container import ContainerState, Health
from deploytool.model.intent import Intent, Project
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan, ProjectPlan
from deploytool.model.release import Lease
from deploytool.model.status import HeldLease, ProjectStatus, Route, Row, Status


def status_of(
    intent: Intent,
    observed: Observed,
    plan: Plan | None,
    *,
    hosts: Collection[str] | None = None,
    services: Collection[tuple[str, str]] | None = None,
    problems: Sequence[Problem] = (),
) -> Status:
    """The status of the projects; of ``hosts`` and ``services`` (project, service) only, where given.

    Without a plan nothing is expected, and ``problems`` say why there is none.
    """
    planned = {project.project: project for project in plan.projects} if plan is not None else {}
    seen = observed if hosts is None else observed.only(hosts)
    rows = (
        row
        for project in intent.projects
        for row in _rows(project, planned.get(project.name), seen)
        if services is None or (row.project, row.service) in services
    )
    return Status(
        rows=tuple(rows),
        projects=tuple(_project(p, planned.get(p.name), observed, seen) for p in intent.projects),
        routes=tuple(_routes(intent, seen, services)),
        unreachable={name: host.reason for name, host in seen.unreachable().items()},
        problems=tuple(problems),
    )


def _rows(project: Project, plan: ProjectPlan | None, seen: Observed) -> Iterator[Row]:
    """A row for each service and host that expects a replica or holds one."""
    found = {(container.service, host_name) for host_name, container in seen.replicas(project.name)}
    counts = plan.desired.counts if plan is not None else {}
    wanted = {key for key, count in counts.items() if count and key[1] in seen}
    for service, host_name in sorted(found | wanted):
        yield _row(project, plan, service, host_name, seen)


def _row(project: Project, plan: ProjectPlan | None, service: str, host_name: str, seen: Observed) -> Row:
    expected = plan.desired[service, host_name] if plan is not None else None
    host = seen.answered().get(host_name)
    if host is None:
        return Row(project.name, service, host_name, expected)
    mine = [c for c in host.containers if c.replica and (c.project, c.service) == (project.name, service)]
    running = [c for c in mine if c.running]
    known = project.service(service)
    done = [c for c in mine if known and project.finishes(known) and c.completed]
    spec = plan.specs.get((service, host_name), "") if plan is not None else ""
    ages = [max(0.0, host.facts.now_s - c.started_s) for c in running if c.started_s and host.facts.now_s]
    return Row(
        project.name,
        service,
        host_name,
        expected,
        running=len(running),
        healthy=sum(c.healthy for c in running),
        unhealthy=sum(c.health == Health.UNHEALTHY for c in running),
        starting=sum(c.starting for c in running),
        restarting=sum(c.state == ContainerState.RESTARTING for c in mine),
        done=len(done),
        current=sum(c.spec == spec for c in (*running, *done)) if plan is not None else len(running),
        age_s=min(ages, default=None),
    )


def _routes(intent: Intent, seen: Observed, services: Collection[tuple[str, str]] | None) -> Iterator[Route]:
    """The endpoints as the proxy of every host sees them."""
    known = {(project.name, service.name) for project in intent.projects for service in project.services}
    mine = {f"{project}/{name}" for project, name in (known if services is None else services)}
    for host_name, host in seen.answered().items():
        for belief in sorted(host.beliefs, key=lambda one: (one.service, one.endpoint)):
            if belief.service in mine:
                yield Route(host_name, belief.service, belief.endpoint, belief.active, belief.trouble)


def _project(project: Project, plan: ProjectPlan | None, observed: Observed, seen: Observed) -> ProjectStatus:
    steps = [step for step in plan.steps if step.host in seen] if plan is not None else []
    return ProjectStatus(
        project.name, observed.newest_release(project.name), tuple(_leases(project.name, seen)), len(steps)
    )


def _leases(project_name: str, seen: Observed) -> Iterator[HeldLease]:
    """The leases in force, each once with its hosts."""
    held: dict[str, tuple[Lease, dict[str, float]]] = {}
    for host_name, lease in seen.leases(project_name).items():
        now_s = seen.answered()[host_name].facts.now_s
        held.setdefault(lease.owner, (lease, {}))[1][host_name] = lease.expires_s - now_s
    for lease, hosts in held.values():
        yield HeldLease(lease, tuple(hosts), min(hosts.values()))
