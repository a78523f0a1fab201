"""Status of projects → a table, or JSON."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict
from typing import ClassVar

from deploytool.model.status import HeldLease, ProjectStatus, Route, Row, Status
from deploytool.report.sanitize import sanitize
from deploytool.report.table import age, table

_HEADER = (
    "PROJECT",
    "SERVICE",
    "HOST",
    "EXPECTED",
    "RUNNING",
    "HEALTHY",
    "UNHEALTHY",
    "RESTARTING",
    "CURRENT",
    "AGE",
    "STATE",
)

_PROXIES = ("PROXY", "SERVICE", "SENDS TO", "REQUESTS", "STATE")


class StatusFormat(ABC):
    """A format of ``status -o``. Text has its last line break."""

    is_for_people: ClassVar[bool] = False  # a terminal shows the newest in place, a log only what changed

    @abstractmethod
    def once(self, status: Status) -> str:
        """The only look."""

    @abstractmethod
    def repeated(self, status: Status) -> str:
        """One of many looks."""


class StatusText(StatusFormat):
    """``-o text``."""

    is_for_people = True

    def once(self, status: Status) -> str:
        return sanitize(status_text(status))

    def repeated(self, status: Status) -> str:
        return f"{self.once(status)}\n"


class StatusJson(StatusFormat):
    """``-o json``: one document; of many looks, a line each."""

    def once(self, status: Status) -> str:
        return status_json(status)

    def repeated(self, status: Status) -> str:
        return status_json(status, indent=None)


def status_text(status: Status) -> str:
    """Replicas and proxies' routes as tables, releases and leases, unreachable hosts, a conclusion."""
    lines = table([_HEADER, *map(_cells, status.rows)])
    if status.routes:
        lines += ["", *table([_PROXIES, *map(_route, status.routes)]), ""]
    lines += map(_project, status.projects)
    lines += [f"{host}: unreachable: {reason}" for host, reason in status.unreachable.items()]
    return "\n".join([*lines, *_conclusion(status)]) + "\n"


def status_json(status: Status, indent: int | None = 2) -> str:
    """The same as one JSON document; ages in seconds, times as the hosts keep them."""
    document = {
        "converged": not status.pending and not status.unreachable,
        "unreachable": dict(status.unreachable),
        "projects": [_record(project) for project in status.projects],
        "replicas": [{**asdict(row), "state": row.state} for row in status.rows],
        "ingress": [{**asdict(route), "state": route.state} for route in status.routes],
        "problems": [str(problem.message) for problem in status.problems],
    }
    return json.dumps(document, indent=indent) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    counts = (
        row.expected,
        row.running,
        row.healthy,
        row.unhealthy,
        row.restarting,
        row.current,
    )
    shown = ("?" if count is None else str(count) for count in counts)
    return (
        row.project,
        row.service,
        row.host,
        *shown,
        "-" if row.age_s is None else age(row.age_s),
        row.state,
    )


def _route(route: Route) -> tuple[str, ...]:
    return (route.host, route.service, route.endpoint, str(route.active), route.state)


def _project(project: ProjectStatus) -> str:
    release = "no release yet"
    if project.release:
        commit = f", commit {project.release.commit[:10]}" if project.release.commit else ""
        release = f"release {project.release.number}, {project.release.when} by {project.release.who}{commit}"
    leases = "; ".join(map(_lease, project.leases)) or "no lease is held"
    return f"{project.name}: {release}; {leases}"


def _lease(held: HeldLease) -> str:
    why = f" ({held.lease.reason})" if held.lease.reason else ""
    until = "until it is released" if held.lease.manual else f"for {age(held.seconds_left)} more"
    return f"lease held by {held.lease.who or 'another run'}{why} on {', '.join(held.hosts)} {until}"


def _record(project: ProjectStatus) -> dict[str, object]:
    release = asdict(project.release) if project.release else None
    leases = [
        {
            "who": held.lease.who,
            "reason": held.lease.reason,
            "url": held.lease.url,
            "manual": held.lease.manual,
            "hosts": held.hosts,
            "seconds_left": None if held.lease.manual else held.seconds_left,
        }
        for held in project.leases
    ]
    return {"project": project.name, "release": release, "leases": leases, "steps": project.steps}


def _conclusion(status: Status) -> Iterator[str]:
    expected = sum(row.expected or 0 for row in status.rows)
    well = sum((row.healthy or 0) + (row.done or 0) for row in status.rows)
    if status.problems:
        yield f"{well} replicas are healthy; what is expected is not known, since there is no plan."
        return
    yield f"{well} of {expected} replicas are healthy."
    if status.pending:
        yield "Changes are pending: see deploytool plan."
