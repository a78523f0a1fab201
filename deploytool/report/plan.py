"""The plan as people read it; the same text in ``plan``, in ``converge`` and in a CI log.

shop · 3 hosts · web
  web    demo/web:1 → demo/web:2 · 6 replicas, start-first, 2 at a time
    h1   ± replace 2
  cache  1 replica in place
Plan: 0 to start, 2 to replace, 0 to stop on 1 host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from deploytool.model.plan import Plan, ProjectPlan, ServiceSummary, Step, StepKind

MOST_NAMES = 3
_INGRESS = (StepKind.ENDPOINTS, StepKind.DRAIN)


def plan_text(plan: Plan) -> str:
    """All projects of a plan and the sum in the last line. Ends with a line break."""
    lines = [line for project in plan.projects for line in _project(project)]
    notes = (f"note: {note}" for note in plan.notes)
    return "\n".join([*lines, *notes, summary(plan)]) + "\n"


def summary(plan: Plan) -> str:
    """One sentence about the whole plan."""
    if not plan:
        return "Nothing to do."
    changes = [step for step in plan.steps if step.service and step.kind not in _INGRESS]
    if not changes and any(step.kind in _INGRESS for step in plan.steps):
        hosts = {step.host for step in plan.steps if step.kind in _INGRESS}
        return f"Plan: no replica changes; endpoints are brought up to date on {_hosts(len(hosts))}."
    if not changes:
        hosts = {step.host for step in plan.steps}
        return f"Plan: no replica changes; files are brought up to date on {_hosts(len(hosts))}."
    n = plan.counts
    return f"Plan: {n.start} to start, {n.replace} to replace, {n.stop} to stop on {_hosts(n.hosts)}."


def changes_of(steps: Iterable[Step]) -> Iterator[tuple[str, str, int, list[str]]]:
    """Changes of replicas: sign, word, count and causes of each kind, zeros included."""
    listed = list(steps)
    for sign, word, mine in (
        ("±", "replace", [s for s in listed if s.replaces and s.kind is StepKind.STOP]),
        ("+", "start", [s for s in listed if s.starts]),
        ("-", "stop", [s for s in listed if s.stops]),
    ):
        causes = [step.cause for step in mine if step.cause and step.count]
        yield sign, word, sum(step.count for step in mine), causes


def by_host(plan: Plan) -> dict[str, list[tuple[str, str]]]:
    """Host → (project/service, changes and causes), for the hosts that change.

    A project without a service is its folder, which is news only where none of its replicas change.
    """
    found: dict[str, dict[tuple[str, str], list[Step]]] = {}
    for step in plan.steps:
        found.setdefault(step.host, {}).setdefault((step.project, step.service), []).append(step)
    return {host: list(_told(found[host])) for host in sorted(found)}


def _told(steps: dict[tuple[str, str], list[Step]]) -> Iterator[tuple[str, str]]:
    changing = {project for project, service in steps if service}
    for (project, service), mine in steps.items():
        if service and (actions := _actions(mine)):
            yield f"{project}/{service}", actions
        records = [step.cause for step in mine if step.kind is StepKind.RECORD]
        if not service and records and project not in changing:
            yield project, "; ".join(records)


def explain_text(project: str, service: str, rows: Sequence[tuple[str, int, str]]) -> str:
    """The placement of one service: rows of host, replicas there, and the reason.

    shop · web · 3 replicas on 2 of 3 hosts
      h1   2   kept 2
      h2   1   chosen for 1 (had 0 of web, 4 in all)
      h3   –   refused: is drained
    """
    width = max((len(host) for host, _, _ in rows), default=0)
    replicas, used = sum(count for _, count, _ in rows), sum(bool(count) for _, count, _ in rows)
    head = f"{project} · {service} · {_replicas(replicas)} on {used} of {_hosts(len(rows))}"
    lines = [f"  {host:<{width}}   {count or '–'}   {why}" for host, count, why in rows]
    return "\n".join([head, *lines]) + "\n"


def _project(project: ProjectPlan) -> Iterator[str]:
    yield f"{project.project} · {_hosts(len(project.hosts))} · {project.pattern}"
    yield from changes_text(project)


def changes_text(project: ProjectPlan) -> Iterator[str]:
    """The lines of a project's plan below its head: services, hosts, files, notes."""
    width = max((len(item.service) for item in project.summaries), default=0)
    host_width = max((len(step.host) for step in project.steps), default=0)
    for item in project.summaries:
        mine = [step for step in project.steps if step.service == item.service]
        yield f"  {item.service:<{width}}  {_service(item, mine)}"
        yield from _hosts_of(mine, host_width)
    yield from _files(project)
    yield from (f"  note: {note}" for note in project.notes)


def _service(item: ServiceSummary, steps: Iterable[Step]) -> str:
    if not any(steps):
        if not item.replicas:
            return "0 replicas"
        return f"{_replicas(item.in_place)} in place"
    if item.removed:
        return "not in the playbook any more"
    image = f"{item.image} · " if item.image else ""
    if item.image_before and item.image and item.image_before != item.image:
        image = f"{item.image_before} → {item.image} · "
    parts = [_replicas(item.replicas)]
    if item.rolled:
        at_a_time = f"{item.parallelism} at a time" if item.parallelism else "all at once"
        parts += [item.order, at_a_time]
    return f"{image}{', '.join(parts)}"


def _hosts_of(steps: Iterable[Step], width: int) -> Iterator[str]:
    by_host: dict[str, list[Step]] = {}
    for step in steps:
        by_host.setdefault(step.host, []).append(step)
    for host in sorted(by_host):
        yield f"    {host:<{width}}   {_actions(by_host[host])}"


def _actions(steps: list[Step]) -> str:
    """``± replace 1   + start 1   web-3 exited (137)``: what happens, then why."""
    parts, causes = [], []
    for sign, word, count, why in changes_of(steps):
        if count:
            parts.append(f"{sign} {word} {count}")
            causes += why
    drained = sum(step.count for step in steps if step.kind is StepKind.DRAIN)
    if drained:
        parts.append(f"⇄ drain {drained}")
    elif any(step.kind is StepKind.ENDPOINTS for step in steps):
        parts.append("⇄ endpoints")
    waits = [step.cause for step in steps if step.starts and not step.count]
    if waits:
        parts.append(f"· wait {'; '.join(waits)}")
    return "   ".join([*parts, "; ".join(dict.fromkeys(causes))]).rstrip()


def _files(project: ProjectPlan) -> Iterator[str]:
    """Hosts where only the folder is brought up to date, by cause."""
    changing = {step.host for step in project.steps if step.service}
    causes: dict[str, list[str]] = {}
    for step in project.steps:
        if step.kind is StepKind.RECORD and step.host not in changing:
            causes.setdefault(step.cause, []).append(step.host)
    for cause, hosts in sorted(causes.items()):
        shown = ", ".join(hosts[:MOST_NAMES])
        more = f" and {len(hosts) - MOST_NAMES} more" if len(hosts) > MOST_NAMES else ""
        yield f"  files  {shown}{more}: {cause}"


def _replicas(number: int) -> str:
    return f"{number} replica{'' if number == 1 else 's'}"


def _hosts(number: int) -> str:
    return f"{number} host{'' if number == 1 else 's'}"
