"""Sentences and summaries of a plan, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deploytool.core.change.reconcile import Change
from deploytool.core.change.rollout import RolledOut
from deploytool.core.placement.schedule import lost_majority
from deploytool.model.intent import Intent
from deploytool.model.observed import Observed
from deploytool.model.plan import ServiceSummary
from deploytool.model.policies import UpdateOrder
from deploytool.plan.project_case import ProjectCase
from deploytool.plan.records import Record


def notes_of(case: ProjectCase, record: Record, left_out: int) -> Iterator[str]:
    """Remarks on a project's plan; ``left_out`` is the number of steps outside ``--limit``.

    They name hosts that left the inventory, replicas of unreachable hosts, and replaced proxies that still
    have connections.
    """
    gone = sorted(record.known - case.inventory.keys())
    if gone:
        yield f"{', '.join(gone)} left the inventory and may still hold containers of {case.name}"
    on_paper = [f"{host} ({number})" for host, number in _on_paper(case)]
    if on_paper:
        yield f"replicas on hosts that did not answer stay on paper: {', '.join(on_paper)}"
    if case.policy.schedule.reschedule_unreachable and lost_majority(case.project, case.observed):
        yield "more than half of the hosts did not answer: their replicas are not started elsewhere"
    lingering = {name for name, c in case.observed.containers() if c.lingers and c.project == case.name}
    if lingering:
        yield f"a proxy that was replaced keeps its last connections on {', '.join(sorted(lingering))}"
    if left_out:
        yield f"--limit leaves out {left_out} steps"


def left_behind(intent: Intent, observed: Observed) -> Iterator[str]:
    """A remark for each project that runs on although its play was removed from these playbooks."""
    files = {project.play.partition(": ")[0] for project in intent.projects}
    wanted = {project.name for project in intent.projects}
    found: dict[str, list[str]] = {}
    for host_name, host in observed.answered().items():
        for name, folder in sorted(host.projects.items()):
            owner = folder.release.play.partition(": ")[0] if folder.release else ""
            if name not in wanted and owner in files and folder.manifest_digest:
                found.setdefault(name, []).append(host_name)
    for name, hosts in sorted(found.items()):
        where = ", ".join(hosts)
        yield f"project {name} runs on {where}, but its play is gone: deploytool down --project {name}"


def summaries(case: ProjectCase, changes: Sequence[Change], rolled: RolledOut) -> Iterator[ServiceSummary]:
    """A summary for each service: those of the project in its order, then removed ones by name."""
    names = [service.name for service in case.project.services]
    names += sorted({change.service for change in changes} - set(names))
    for name in names:
        yield _summary(case, name, [change for change in changes if change.service == name], rolled)


def _summary(case: ProjectCase, name: str, changes: Sequence[Change], rolled: RolledOut) -> ServiceSummary:
    service = case.project.service(name)
    on_hosts = (case.files[host].specs for host in case.desired.hosts_of(name) if host in case.files)
    specs = [specs[name] for specs in on_hosts if name in specs]  # a host with only a finished job has none
    replaced = [c for change in changes for c in (*change.replace, *change.broken)]
    image = specs[0].image if specs else ""
    return ServiceSummary(
        service=name,
        replicas=sum(n for (s, _), n in case.desired.counts.items() if s == name),
        in_place=sum(len(change.in_place) for change in changes),
        image=image,
        image_before=next((c.image for c in replaced if c.image != image), image),
        order=UpdateOrder.START_FIRST if name in rolled.surged else UpdateOrder.STOP_FIRST,
        parallelism=service.update.parallelism if service else 1,
        rolled=bool(replaced),
        removed=service is None,
    )


def _on_paper(case: ProjectCase) -> Iterator[tuple[str, int]]:
    """(host, replicas) of the unreachable hosts in the schedule."""
    for host_name in case.desired.members:
        if host_name not in case.observed.answered():
            number = sum(case.desired.services_on(host_name).values())
            if number:
                yield host_name, number
