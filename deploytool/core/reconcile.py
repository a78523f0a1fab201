"""Desired against observed: what each service needs on each host, and why. The order is rollout's.

A replica is in place, to start, to restart, to replace, to stop, or left alone (not ours).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deploytool.model.desired import Desired, HostFiles, Spec
from deploytool.model.observed import Container, Observed, ObservedHost
from deploytool.model.service import Project, Service

# Docker Compose gives a container this name while it recreates it; an interrupted run leaves it behind.
_RENAMED = re.compile(r"[0-9a-f]{12}_.+")


@dataclass(frozen=True, slots=True)
class Change:
    """What one service needs on one host.

    ``replace`` and ``broken`` are to make way for new ones: the first do their work until then, the
    second do not. ``start`` counts the replicas that are missing beside these. ``causes`` says, by
    container id, why something happens to it; ``why_start`` and ``why_stop`` say it for the rest.
    """

    service: str
    host: str
    in_place: tuple[Container, ...] = ()
    start: int = 0
    restart: tuple[Container, ...] = ()
    replace: tuple[Container, ...] = ()
    broken: tuple[Container, ...] = ()
    stop: tuple[Container, ...] = ()
    causes: Mapping[str, str] = field(default_factory=dict)
    why_start: str = ""
    why_stop: str = ""
    changed: tuple[str, ...] = ()

    @property
    def there(self) -> int:
        """How many containers of the service the host holds now."""
        return sum(map(len, (self.in_place, self.restart, self.replace, self.broken, self.stop)))

    @property
    def touched(self) -> bool:
        return bool(self.start or self.restart or self.replace or self.broken or self.stop)


@dataclass(frozen=True, slots=True)
class ReconcilePolicy:
    """``adopt``: containers of the project that we did not start count as ours, of another spec.

    ``respect_restart``: what ended by itself under ``restart: "no"`` stays ended (for ``watch``).
    """

    adopt: bool = False
    respect_restart: bool = False


CONVERGE = ReconcilePolicy()


def reconcile(
    project: Project,
    desired: Desired,
    files: Mapping[str, HostFiles],
    observed: Observed,
    policy: ReconcilePolicy = CONVERGE,
) -> tuple[Change, ...]:
    """Compare every service on every host that answered; hosts that did not are in no change.

    ``files`` are what each host should hold. Sorted by the services' order in the file, services that
    left the file last, then by host name.
    """
    order = {service.name: None for service in project.services}
    found = {name: _by_service(project.name, host, policy) for name, host in _answered(observed)}
    left = sorted({service for here in found.values() for service in here} - order.keys())
    return tuple(
        _change(project, service, host_name, desired, files.get(host_name), found[host_name], policy)
        for service in (*order, *left)
        for host_name in sorted(found)
        if desired[service, host_name] or service in found[host_name]
    )


def finishes(project: Project, service: Service) -> bool:
    """Whether a service is meant to end: a job, or one that others wait for to complete."""
    waited_for = (
        dependency.service == service.name and dependency.condition == "service_completed_successfully"
        for other in project.services
        for dependency in other.depends_on
    )
    return service.mode.is_job or any(waited_for)


def _answered(observed: Observed) -> Iterator[tuple[str, ObservedHost]]:
    return ((name, host) for name, host in sorted(observed.items()) if isinstance(host, ObservedHost))


def _by_service(project_name: str, host: ObservedHost, policy: ReconcilePolicy) -> dict[str, list[Container]]:
    found: dict[str, list[Container]] = {}
    for container in sorted(host.containers, key=lambda c: (c.number, c.name)):
        mine = container.ours or policy.adopt
        if mine and container.project == project_name and container.service and not container.oneoff:
            found.setdefault(container.service, []).append(container)
    return found


def _change(
    project: Project,
    name: str,
    host_name: str,
    desired: Desired,
    files: HostFiles | None,
    found: Mapping[str, Sequence[Container]],
    policy: ReconcilePolicy,
) -> Change:
    service, wanted = project.service(name), desired[name, host_name]
    spec = files.specs.get(name) if files else None
    here = found.get(name, ())
    judged = [_judge(container, service, spec, project, policy) for container in here]
    ranked = sorted(judged, key=lambda j: (j.rank, j.container.number, j.container.name))
    kept, surplus = ranked[:wanted], ranked[wanted:]
    sound = sum(judgement.rank == 0 for judgement in kept)
    return Change(
        service=name,
        host=host_name,
        in_place=tuple(j.container for j in kept if j.fate == "in place"),
        start=wanted - len(kept),
        restart=tuple(j.container for j in kept if j.fate == "restart"),
        replace=tuple(j.container for j in kept if j.fate == "replace"),
        broken=tuple(j.container for j in kept if j.fate == "broken"),
        stop=tuple(j.container for j in surplus),
        causes={j.container.id: j.cause for j in ranked if j.cause},
        why_start=f"{sound} of {wanted} running" if here else "",
        why_stop=_why_stop(project, service, host_name, wanted, len(here)),
        changed=_changed(kept, spec),
    )


@dataclass(frozen=True, slots=True)
class _Judgement:
    container: Container
    fate: str
    cause: str
    rank: int  # what is kept first when there are too many


def _judge(
    container: Container,
    service: Service | None,
    spec: Spec | None,
    project: Project,
    policy: ReconcilePolicy,
) -> _Judgement:
    current = spec is not None and container.spec == spec.digest
    illness = _illness(container, service is not None and finishes(project, service))
    if policy.respect_restart and service and _ended_as_it_should(container, service):
        illness = ""
    if _RENAMED.fullmatch(container.name):
        return _Judgement(container, "broken", f"{container.name} was left by an interrupted Compose run", 5)
    if not current:
        cause = f"{container.name} {illness}" if illness else ""
        return _Judgement(container, "broken" if illness else "replace", cause, 4 if illness else 2)
    if not illness:
        starting = container.health == "starting"
        return _Judgement(container, "in place", "", 1 if starting else 0)
    # A restart cures what merely stopped. What is stuck, or is sick while it runs, is made anew.
    curable = container.state in ("exited", "created", "paused", "restarting")
    return _Judgement(container, "restart" if curable else "broken", f"{container.name} {illness}", 3)


def _illness(container: Container, finishes: bool) -> str:
    """What is wrong with a container, as the predicate of a sentence; empty when nothing is."""
    if container.state == "running":
        return "is unhealthy" if container.health == "unhealthy" else ""
    if container.state == "exited":
        if finishes and container.exit_code == 0:
            return ""
        oom = ", out of memory" if container.oom_killed else ""
        return f"exited ({container.exit_code}{oom})"
    if container.state == "created":
        return f"was never started{f': {container.error}' if container.error else ''}"
    if container.state == "restarting":
        return f"restarts in a loop ({container.exit_code})"
    return {"paused": "is paused", "dead": "is dead"}.get(container.state, f"is {container.state}")


def _ended_as_it_should(container: Container, service: Service) -> bool:
    if container.state != "exited":
        return False
    return service.restart == "no" or (service.restart.startswith("on-failure") and container.exit_code == 0)


def _why_stop(project: Project, service: Service | None, host_name: str, wanted: int, there: int) -> str:
    if service is None:
        return "not in the playbook any more"
    host = next((host for host in project.hosts if host.name == host_name), None)
    if host is None:
        return "the host left the play"
    if host.state.value == "drain" and not wanted:
        return "the host is drained"
    return f"{wanted} wanted, {there} there"


def _changed(kept: Sequence[_Judgement], spec: Spec | None) -> tuple[str, ...]:
    """The keys that differ between what runs and what should; ``spec`` itself where nobody can tell."""
    if spec is None:
        return ()
    keys: set[str] = set()
    for judgement in kept:
        before = judgement.container
        if before.spec == spec.digest:
            continue
        differing = {key for key in {*before.keys, *spec.keys} if before.keys.get(key) != spec.keys.get(key)}
        keys |= differing if before.keys else {"adopted" if not before.ours else "spec"}
    return tuple(sorted(keys))
