"""Jobs that ended stay ended: a job runs once for each spec, also when the host that ran it leaves.

A finished container takes nothing of a host. So it may stay where a running one could not, on a drained
host or on one that left the play, as the record that it was done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from deploytool.model.desired import Desired
from deploytool.model.intent import Project, Service
from deploytool.model.observed import Observed

Finished = Mapping[tuple[str, str], tuple[str, ...]]  # (service, host) → the specs of finished replicas
Done = Mapping[tuple[str, str], int]


def finished_elsewhere(project: Project, desired: Desired, observed: Observed) -> Finished:
    """Finished replicas that their hosts would let go, of jobs that ``desired`` starts on other hosts."""
    jobs = [s.name for s in project.services if not s.mode.is_global and project.finishes(s)]
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for host_name, container in observed.replicas(project.name) if jobs else ():
        key = (container.service, host_name)
        if container.service in jobs and container.completed and not desired[key]:
            found[key] = (*found.get(key, ()), container.spec)
    return found


def done(project: Project, finished: Finished, specs: Mapping[str, Collection[str]]) -> Done:
    """The finished replicas that count: (service, host) → number, no more than there are to be.

    ``specs`` are the wanted ones, by service.
    """
    left = {service.name: service.replicas for service in project.services}
    counts: dict[tuple[str, str], int] = {}
    for (service, host_name), found in sorted(finished.items()):
        number = min(left[service], sum(spec in specs.get(service, ()) for spec in found))
        if number:
            counts[service, host_name] = number
            left[service] -= number
    return counts


def without(project: Project, counts: Done) -> Project:
    """The project as it is to be scheduled when so many replicas are done."""
    return replace(project, services=tuple(_without(service, counts) for service in project.services))


def with_done(desired: Desired, counts: Done) -> Desired:
    """The schedule of the rest, with what is done where it was done."""
    total = {key: desired[key] + counts.get(key, 0) for key in sorted({*desired.counts, *counts})}
    return Desired(desired.project, total)


def _without(service: Service, counts: Done) -> Service:
    number = sum(count for (name, _), count in counts.items() if name == service.name)
    return replace(service, replicas=service.replicas - number) if number else service
