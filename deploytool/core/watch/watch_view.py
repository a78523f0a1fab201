"""Observed, desired and history → the view of a watcher, for pages and metrics.

Pure; nothing here decides what is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from deploytool.core.watch.backoff import History, Setback
from deploytool.model.backing_off import ServiceKey
from deploytool.model.container import Container
from deploytool.model.desired import Desired
from deploytool.model.intent import Project
from deploytool.model.observed import Observed
from deploytool.model.plan import ProjectPlan
from deploytool.model.snapshot import ReplicaState, WatchedProject, WatchedReplica, WatchedService

_ByHost = dict[str, dict[str, int]]


def replicas(
    projects: Iterable[str],
    observed: Observed,
    specs: Mapping[tuple[str, str, str], str],
    history: History,
    epoch_s: float,
) -> Iterator[WatchedReplica]:
    """All containers of the projects, by host and name.

    ``specs`` are the wanted ones by (project, service, host). ``epoch_s`` is added to the times of
    ``history``, which are of another clock.
    """
    wanted = set(projects)
    for host_name, container in _ours(observed):
        if container.project in wanted:
            spec = specs.get((container.project, container.service, host_name), "")
            yield _replica(host_name, container, spec, history.containers.get(container.id), epoch_s)


def services(
    project: Project,
    plan: ProjectPlan | None,
    observed: Observed,
    backing_off: Mapping[ServiceKey, tuple[float, str]],
) -> Iterator[WatchedService]:
    """The services of a project, in the order of its file, then those that left it.

    ``backing_off`` are the services that are left alone: until when (seconds since the epoch), and why.
    """
    running, healthy = _counts(project.name, observed)
    desired = plan.desired if plan else Desired(project.name, {})
    images = {item.service: item.image for item in plan.summaries} if plan else {}
    named = [service.name for service in project.services]
    for name in [*named, *sorted(running.keys() - set(named))]:
        until_s, why = backing_off.get((project.name, name), (0.0, ""))
        yield WatchedService(
            project=project.name,
            name=name,
            desired={host: desired[name, host] for host in desired.hosts_of(name)},
            running=running.get(name, {}),
            healthy=healthy.get(name, {}),
            image=images.get(name, ""),
            backoff_until_s=until_s,
            why=why,
        )


def project_of(
    project: Project, observed: Observed, plan: ProjectPlan | None, drift: Iterable[str], waits: str
) -> WatchedProject:
    """A project with what the hosts remember of it."""
    return WatchedProject(
        name=project.name,
        play=project.play,
        release=observed.newest_release(project.name),
        leases=observed.leases(project.name),
        drift=tuple(drift),
        waits=waits,
        backing_off=plan is not None and plan.backing_off,
    )


def _replica(
    host_name: str, container: Container, spec: str, setback: Setback | None, epoch_s: float
) -> WatchedReplica:
    return WatchedReplica(
        id=container.id,
        name=container.name,
        project=container.project,
        service=container.service,
        host=host_name,
        state=state_of(container),
        since_s=container.started_s,
        current=not spec or container.spec == spec,
        restarts=container.restarts,
        failures=setback.failures if setback else 0,
        backoff_until_s=setback.until_s + epoch_s if setback else 0.0,
        why=setback.why if setback else "",
    )


def state_of(container: Container) -> ReplicaState:
    """The healthcheck's state of a replica that runs, else the container's."""
    if container.running:
        return ReplicaState(container.health or container.state)
    return ReplicaState.DONE if container.completed else ReplicaState(container.state)


def _ours(observed: Observed) -> Iterator[tuple[str, Container]]:
    for host_name, host in observed.answered().items():
        replicas = (container for container in host.containers if container.replica)
        for container in sorted(replicas, key=lambda c: (c.project, c.service, c.number, c.name)):
            yield host_name, container


def _counts(project: str, observed: Observed) -> tuple[_ByHost, _ByHost]:
    """The replicas that run, and those that are healthy: service → host → number, hosts in order."""
    running: _ByHost = {}
    healthy: _ByHost = {}
    for host_name, container in _ours(observed):
        if container.project == project:
            for counted, counts in ((running, container.running), (healthy, container.healthy)):
                of_service = counted.setdefault(container.service, {})
                of_service[host_name] = of_service.get(host_name, 0) + counts
    return running, healthy
