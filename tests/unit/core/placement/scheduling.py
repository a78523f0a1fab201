"""Schedules of one service on three hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deploytool.core.placement.schedule import Verdict, explain, schedule
from deploytool.model.desired import Desired
from deploytool.model.intent import Project, Service
from deploytool.model.observed import Observed, ObservedHost, ProjectFolder, Unreachable
from tests.unit.core.strategies import SHOP, make_container, make_host, make_release

HOSTS = tuple(make_host(name) for name in ("h1", "h2", "h3"))


EMPTY = {host.name: ObservedHost() for host in HOSTS}


def scheduled(project: Project, answers: Mapping[str, ObservedHost | Unreachable], **details: Any) -> Desired:
    return schedule(project, Observed(answers), **details)


def explained(
    project: Project, answers: Mapping[str, ObservedHost | Unreachable], service: str
) -> tuple[Verdict, ...]:
    return explain(project, Observed(answers), service)


def web(**changes: object) -> Service:
    return replace(Service("web"), **changes)  # type: ignore[arg-type]


def holding(**hosts: int) -> dict[str, ObservedHost]:
    """Hosts with so many replicas of web."""
    return {
        name: ObservedHost(containers=tuple(make_container("web", n, host=name) for n in range(count)))
        for name, count in hosts.items()
    }


def remembering(**placements: dict[str, int]) -> dict[str, ProjectFolder]:
    counts = {(service, host): n for service, hosts in placements.items() for host, n in hosts.items()}
    return {SHOP: ProjectFolder(SHOP, "sha", make_release(1, counts))}
