"""``depends_on``: the order of services, and all that each of them depends on."""

from __future__ import annotations

from deploytool.model.intent import Project, Service


def in_order(project: Project) -> list[Service]:
    """Services after those that they depend on; otherwise as in the file."""
    services = {service.name: service for service in project.services}
    ordered: dict[str, Service] = {}

    def visit(service: Service) -> None:
        for dependency in service.depends_on:
            if dependency.service in services and dependency.service not in ordered:
                visit(services[dependency.service])
        ordered.setdefault(service.name, service)

    for service in project.services:
        visit(service)
    return list(ordered.values())


def closure_of(project: Project) -> dict[str, tuple[str, ...]]:
    """Service → all that it depends on, directly or not: an untouched one between them hides nothing."""
    closure: dict[str, tuple[str, ...]] = {}
    for service in in_order(project):
        names: dict[str, None] = {}
        for dependency in service.depends_on:
            names |= dict.fromkeys((*closure.get(dependency.service, ()), dependency.service))
        closure[service.name] = tuple(names)
    return closure
