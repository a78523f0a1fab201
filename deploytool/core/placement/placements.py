"""The placements of a project's replicas: seen on hosts that answered, on record for those that did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.model.container import Container
from deploytool.model.desired import Desired
from deploytool.model.intent import Project, Service
from deploytool.model.observed import Observed
from deploytool.model.release import Release


@dataclass(frozen=True, slots=True)
class Placement:
    """The replicas of one service, host → number.

    ``there`` are seen, in whatever state; ``sound`` of them do their work. ``count`` is what the host counts
    as holding: more than is there where some are on paper or only their data is left.
    """

    count: dict[str, int] = field(default_factory=dict)
    there: dict[str, int] = field(default_factory=dict)
    sound: dict[str, int] = field(default_factory=dict)


def placements_of(project: Project, observed: Observed) -> Mapping[str, Placement]:
    """Service → its placement.

    A service with named volumes holds a host also where its data is: on any host that the newest release
    or a container of it names, in the play or not, so that a replica that is gone comes back to its data.
    """
    held = {service.name: Placement() for service in project.services}
    _look(project, observed, held)
    release = observed.newest_release(project.name)
    in_play = {host.name for host in project.hosts}
    for service in project.services:
        of_service = held[service.name]
        of_service.count.update(of_service.there)
        remembered = _remembered(release, service)
        for host_name, number in remembered.items():
            unknown = host_name in in_play and host_name not in observed.answered()
            if number > 0 and (unknown or has_data(service)):
                of_service.count[host_name] = max(number, of_service.there.get(host_name, 0))
    return held


def data_left_behind(project: Project, desired: Desired, newest: Release | None) -> dict[str, dict[str, int]]:
    """Service → host → replicas of the services without a replica in ``desired``, whose data is there.

    A service that left the file is remembered, too: it may come back.
    """
    known = {**newest.data, **newest.placements} if newest else {}
    without_data = {service.name for service in project.services if not has_data(service)}
    gone = (name for name in known.keys() - without_data if not desired.hosts_of(name))
    return {name: dict(known[name]) for name in sorted(gone)}


def has_data(service: Service) -> bool:
    """True where a replica that moves leaves data behind. A global one's volume is on its own host."""
    return bool(service.volumes) and not service.mode.is_global


def _remembered(release: Release | None, service: Service) -> Mapping[str, int]:
    """Host → replicas of a service in the newest release; without any, the hosts with its data."""
    if release is None:
        return {}
    data = release.data.get(service.name, {}) if has_data(service) else {}
    return release.placements.get(service.name) or data


def _look(project: Project, observed: Observed, held: Mapping[str, Placement]) -> None:
    services = {service.name: service for service in project.services}
    in_play = {host.name for host in project.hosts}
    for host_name, container in observed.replicas(project.name):
        service = services.get(container.service)
        if service and (host_name in in_play or has_data(service)):
            of_service = held[service.name]
            _count_one(of_service.there, host_name)
            if _does_its_work(container, service):
                _count_one(of_service.sound, host_name)


def _count_one(numbers: dict[str, int], host_name: str) -> None:
    numbers[host_name] = numbers.get(host_name, 0) + 1


def _does_its_work(container: Container, service: Service) -> bool:
    return container.healthy or (service.mode.is_job and container.completed)
