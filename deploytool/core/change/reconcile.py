"""Desired against observed: what each service needs on each host, and why. The order is rollout's.

A replica is in place, to start, to restart, to replace, to stop, or left alone (not ours).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from deploytool.model.backing_off import NONE_BACKING_OFF, BackingOff
from deploytool.model.container import Container, ContainerState, Health
from deploytool.model.desired import Desired, HostFiles, Spec
from deploytool.model.intent import Project
from deploytool.model.inventory import Host, HostState
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.policies import RestartKind, RestartPolicy
from deploytool.model.str_enum import assert_never

# Docker Compose gives a container this name while it recreates it; an interrupted run leaves it behind.
_RENAMED = re.compile(r"[0-9a-f]{12}_.+")
_WHOLE_ID = 64
_CURABLE = (ContainerState.EXITED, ContainerState.CREATED, ContainerState.PAUSED, ContainerState.RESTARTING)


@dataclass(frozen=True, slots=True)
class Change:
    """What one service needs on one host.

    ``unready`` are those in place of which nobody knows yet whether they will do their work: starting, or
    without a healthcheck and only just started. ``replace`` and ``broken`` are to make way for new ones: the
    first do their work until then, the second do not. ``start`` counts the replicas that are missing beside
    these. ``causes`` says, by container id, why something happens to it; ``why_start`` and ``why_stop`` say
    it for the rest. ``lingering`` are proxies that were replaced and end their last connections: nothing
    happens to them.
    """

    service: str
    host: str
    in_place: tuple[Container, ...] = ()
    unready: tuple[Container, ...] = ()
    start: int = 0
    restart: tuple[Container, ...] = ()
    replace: tuple[Container, ...] = ()
    broken: tuple[Container, ...] = ()
    stop: tuple[Container, ...] = ()
    causes: Mapping[str, str] = field(default_factory=dict)
    why_start: str = ""
    why_stop: str = ""
    changed: tuple[str, ...] = ()
    lingering: tuple[Container, ...] = ()

    @property
    def there(self) -> int:
        """How many containers of the service the host holds now."""
        held = (self.in_place, self.restart, self.replace, self.broken, self.stop, self.lingering)
        return sum(map(len, held))

    @property
    def touched(self) -> bool:
        return bool(self.start or self.restart or self.replace or self.broken or self.stop)


@dataclass(frozen=True, slots=True)
class ReconcilePolicy:
    """``adopt``: containers of the project that we did not start count as ours, of another spec.

    For ``watch``: ``respect_restart``: what ended by itself under ``restart: "no"`` stays ended, and what
    Docker itself restarts is left to it; ``backing_off`` is left alone for now.
    """

    adopt: bool = False
    respect_restart: bool = False
    backing_off: BackingOff = NONE_BACKING_OFF
    settle_s: float = 0.0


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
    found = {name: _there(project.name, host, policy) for name, host in observed.answered().items()}
    hosts = {host.name: host for host in project.hosts}
    return tuple(
        _change(service, host_name, hosts.get(host_name), desired, files.get(host_name), found[host_name])
        for service in _rules(project, found, policy)
        for host_name in found
        if desired[service.name, host_name] or service.name in found[host_name].services
    )


@dataclass(frozen=True, slots=True)
class _There:
    """The project's containers on one host, by service, and the host's clock.

    ``cut_off`` says by id why a container reaches nobody, and nobody reaches it, although it runs.
    """

    services: Mapping[str, Sequence[Container]]
    now_s: float
    cut_off: Mapping[str, str]


def _there(project_name: str, host: ObservedHost, policy: ReconcilePolicy) -> _There:
    found: dict[str, list[Container]] = {}
    for container in host.containers:
        mine = container.ours or policy.adopt
        if mine and container.project == project_name and container.service and not container.oneoff:
            found.setdefault(container.service, []).append(container)
    return _There(found, host.facts.now_s, _cut_off(host.containers))


def _cut_off(containers: Sequence[Container]) -> dict[str, str]:
    """A container that shares another one's network loses it for good when that one ends or starts anew."""
    known = {name: container for container in containers for name in (container.name, container.id)}
    found = {}
    for one in containers:
        owner = known.get(one.network_of)
        # Of a short id nobody can tell whether it is gone.
        if one.running and (owner or len(one.network_of) == _WHOLE_ID):
            if owner is None or not owner.running:
                found[one.id] = "lost its network with the container that it belongs to"
            elif owner.started_s > one.started_s:
                found[one.id] = f"lost its network when {owner.name} was started again"
    return found


@dataclass(frozen=True, slots=True)
class _Rules:
    """How the containers of one service are judged. ``finishes``: to end with 0 is its goal.

    ``restart`` is the restart policy, where it is ``respected``: under ``no`` what ended by itself stays so,
    under ``on-failure`` what ended with 0, or was tried as often as the policy says. Without a healthcheck, a
    replica has to keep running for ``settle_s`` before anybody relies on it.
    """

    name: str
    in_file: bool = False
    finishes: bool = False
    respected: bool = False
    restart: RestartPolicy = RestartPolicy()
    backing_off: BackingOff = NONE_BACKING_OFF
    settle_s: float = 0.0


def _rules(project: Project, found: Mapping[str, _There], policy: ReconcilePolicy) -> Iterator[_Rules]:
    """One for each service of the file, in its order; then for those that left the file, by name."""
    for service in project.services:
        ends, respected = project.finishes(service), policy.respect_restart
        settle_s = 0.0 if service.healthcheck or ends else service.update.monitor_s
        yield _Rules(service.name, True, ends, respected, service.restart, policy.backing_off, settle_s)
    left = {name for there in found.values() for name in there.services} - {s.name for s in project.services}
    yield from map(_Rules, sorted(left))


def _change(
    rules: _Rules,
    host_name: str,
    host: Host | None,
    desired: Desired,
    files: HostFiles | None,
    there: _There,
) -> Change:
    wanted, found = desired[rules.name, host_name], there.services.get(rules.name, ())
    lingering = tuple(c for c in found if wanted and c.lingers and c.id not in there.cut_off)
    here = [container for container in found if container not in lingering]
    if rules.backing_off.covers(desired.project, rules.name, host_name):
        return Change(rules.name, host_name, in_place=tuple(here))
    held_back = rules.backing_off.missing.get((desired.project, rules.name, host_name), 0)
    spec = files.specs.get(rules.name) if files else None
    leaves = _keeps_nothing(host)
    ranked = sorted(_judge(container, rules, spec, there, leaves=leaves) for container in here)
    kept, surplus = ranked[:wanted], ranked[wanted:]
    sound = sum(j.rank <= 1 and not j.container.starting for j in kept)
    return Change(
        service=rules.name,
        host=host_name,
        in_place=tuple(j.container for j in kept if j.fate == "in place"),
        unready=tuple(j.container for j in kept if j.fate == "in place" and j.rank == 1),
        start=max(0, wanted - len(kept) - held_back),
        restart=tuple(j.container for j in kept if j.fate == "restart"),
        replace=tuple(j.container for j in kept if j.fate == "replace"),
        broken=tuple(j.container for j in kept if j.fate == "broken"),
        stop=tuple(j.container for j in surplus),
        causes={j.container.id: j.cause for j in ranked if j.cause},
        why_start=f"{sound} of {wanted} running" if here else "",
        why_stop=_why_stop(rules, host, wanted, len(here)) if surplus else "",
        changed=_changed(kept, spec),
        lingering=lingering,
    )


class _Judgement(NamedTuple):
    """Compares by what is kept first when there are too many; names on a host are unique."""

    rank: int
    number: int
    name: str
    fate: str
    cause: str
    container: Container


def _judge(
    container: Container, rules: _Rules, spec: Spec | None, there: _There, *, leaves: bool
) -> _Judgement:
    rank, fate, cause = _verdict(container, rules, spec, there, leaves=leaves)
    return _Judgement(rank, container.number, container.name, fate, cause, container)


def is_renamed(container: Container) -> bool:
    """Whether an interrupted Compose run left it under another name; it may do its work all the same."""
    return bool(_RENAMED.fullmatch(container.name))


def _verdict(
    container: Container, rules: _Rules, spec: Spec | None, there: _There, *, leaves: bool
) -> tuple[int, str, str]:
    now_s = there.now_s
    if rules.finishes and leaves and container.completed:
        return 0, "in place", ""  # on record only: here it would not run again
    current = spec is not None and container.spec == spec.digest and not container.let_go
    illness = there.cut_off.get(container.id, "")
    if not illness and not _is_well_enough(container, rules, now_s):
        illness = _illness(container, now_s)
    cause = f"{container.name} {illness}" if illness else ""
    if is_renamed(container):
        current, cause = False, f"{container.name} was left by an interrupted Compose run"
    if not current:
        return (4, "broken", cause) if illness else (2, "replace", cause)
    if not illness:
        return int(_is_unready(container, rules, now_s)), "in place", ""
    if container.id in rules.backing_off.containers:
        return 3, "in place", ""
    # A restart cures what merely stopped. What is stuck, or is sick while it runs, is made anew.
    curable = container.state in _CURABLE or container.loops(now_s)
    return 3, "restart" if curable else "broken", cause


def _is_unready(container: Container, rules: _Rules, now_s: float) -> bool:
    if container.health or not container.running or rules.finishes:
        return container.starting
    return container.started_s > 0 and now_s - container.started_s < rules.settle_s


def _illness(container: Container, now_s: float) -> str:
    """What is wrong with a container, as the predicate of a sentence; empty when nothing is."""
    match container.state:
        case ContainerState.RUNNING:
            if container.loops(now_s):
                return f"restarts in a loop ({container.restarts} times so far)"
            return "is unhealthy" if container.health == Health.UNHEALTHY else ""
        case ContainerState.EXITED:
            oom = ", out of memory" if container.oom_killed else ""
            return f"exited ({container.exit_code}{oom})"
        case ContainerState.CREATED:
            return f"was never started{f': {container.error}' if container.error else ''}"
        case ContainerState.RESTARTING:
            return f"restarts in a loop ({container.exit_code})"
        case ContainerState.REMOVING:
            return "is being removed"
        case ContainerState.PAUSED | ContainerState.DEAD | ContainerState.UNKNOWN:
            return f"is {container.state}"
        case _:
            return assert_never(container.state)


def _is_well_enough(container: Container, rules: _Rules, now_s: float) -> bool:
    """Whether it ended as it should, or is in other hands."""
    if container.loops(now_s):
        return rules.respected
    if not container.exited:
        return False
    return (rules.finishes and container.completed) or (rules.respected and _stays_ended(container, rules))


def _stays_ended(container: Container, rules: _Rules) -> bool:
    match rules.restart.kind:
        case RestartKind.NO:
            return True
        case RestartKind.ON_FAILURE:
            return container.completed or 0 < rules.restart.tries <= container.restarts
        case RestartKind.SILENT | RestartKind.ALWAYS | RestartKind.UNLESS_STOPPED:
            return False
        case _:
            return assert_never(rules.restart.kind)


def _keeps_nothing(host: Host | None) -> bool:
    return host is None or host.state is HostState.DRAIN


def _why_stop(rules: _Rules, host: Host | None, wanted: int, there: int) -> str:
    if not rules.in_file:
        return "not in the playbook any more"
    if host is None:
        return "the host left the play"
    if host.state is HostState.DRAIN and not wanted:
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
