"""Desired against observed: what each service needs on each host, and why. The order is rollout's.

A replica is in place, to start, to restart, to replace, to stop, or left alone (not ours).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deploytool.core.change.replica_check import (
    BROKEN,
    IN_PLACE,
    REPLACE,
    RESTART,
    UNREADY,
    Fate,
    Found,
    Judgement,
    Rules,
    found_on,
    judge,
)
from deploytool.model.backing_off import NONE_BACKING_OFF, BackingOff
from deploytool.model.container import Container
from deploytool.model.desired import Desired, HostFiles, Spec
from deploytool.model.intent import Project
from deploytool.model.inventory import Host, HostState
from deploytool.model.observed import Observed


@dataclass(frozen=True, slots=True)
class Change:
    """The changes of one service on one host.

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
        """The number of the service's containers that the host holds now."""
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
    found = {
        name: found_on(project.name, host, adopt=policy.adopt) for name, host in observed.answered().items()
    }
    hosts = {host.name: host for host in project.hosts}
    return tuple(
        _change(service, host_name, hosts.get(host_name), desired, files.get(host_name), found[host_name])
        for service in _rules(project, found, policy)
        for host_name in found
        if desired[service.name, host_name] or service.name in found[host_name].services
    )


def _rules(project: Project, found: Mapping[str, Found], policy: ReconcilePolicy) -> Iterator[Rules]:
    """One for each service of the file, in its order; then for those that left the file, by name."""
    for service in project.services:
        ends, respected = project.finishes(service), policy.respect_restart
        settle_s = 0.0 if service.healthcheck or ends else service.update.monitor_s
        yield Rules(service.name, True, ends, respected, service.restart, policy.backing_off, settle_s)
    left = {name for there in found.values() for name in there.services} - {s.name for s in project.services}
    yield from map(Rules, sorted(left))


def _change(
    rules: Rules,
    host_name: str,
    host: Host | None,
    desired: Desired,
    files: HostFiles | None,
    there: Found,
) -> Change:
    wanted, found = desired[rules.name, host_name], there.services.get(rules.name, ())
    lingering = tuple(c for c in found if wanted and c.lingers and c.id not in there.cut_off)
    here = [container for container in found if container not in lingering]
    if rules.backing_off.covers(desired.project, rules.name, host_name):
        return Change(rules.name, host_name, in_place=tuple(here))
    held_back = rules.backing_off.missing.get((desired.project, rules.name, host_name), 0)
    spec = files.specs.get(rules.name) if files else None
    leaves = _keeps_nothing(host)
    ranked = sorted(judge(container, rules, spec, there, leaves=leaves) for container in here)
    kept, surplus = ranked[:wanted], ranked[wanted:]
    by_fate: dict[Fate, list[Container]] = {}
    for judgement in kept:
        by_fate.setdefault(judgement.fate, []).append(judgement.container)
    sound = sum(j.rank <= UNREADY and not j.container.starting for j in kept)
    return Change(
        service=rules.name,
        host=host_name,
        in_place=tuple(by_fate.get(IN_PLACE, ())),
        unready=tuple(j.container for j in kept if j.rank is UNREADY),
        start=max(0, wanted - len(kept) - held_back),
        restart=tuple(by_fate.get(RESTART, ())),
        replace=tuple(by_fate.get(REPLACE, ())),
        broken=tuple(by_fate.get(BROKEN, ())),
        stop=tuple(j.container for j in surplus),
        causes={j.container.id: j.cause for j in ranked if j.cause},
        why_start=f"{sound} of {wanted} running" if here else "",
        why_stop=_why_stop(rules, host, wanted, len(here)) if surplus else "",
        changed=_changed(kept, spec),
        lingering=lingering,
    )


def _keeps_nothing(host: Host | None) -> bool:
    return host is None or host.state is HostState.DRAIN


def _why_stop(rules: Rules, host: Host | None, wanted: int, there: int) -> str:
    if not rules.in_file:
        return "not in the playbook any more"
    if host is None:
        return "the host left the play"
    if host.state is HostState.DRAIN and not wanted:
        return "the host is drained"
    return f"{wanted} wanted, {there} there"


def _changed(kept: Sequence[Judgement], spec: Spec | None) -> tuple[str, ...]:
    """The keys in which running and wanted specs differ; ``spec`` where the running one is not known."""
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
