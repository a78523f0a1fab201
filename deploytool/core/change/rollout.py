"""In which order the changes happen: changes → a DAG of steps.

The order, and why it is safe at every prefix:

1. Every host that will change is prepared first: files checked, images there. What fails here fails
   before anything is touched. (The executor holds this barrier: see ``StepKind``.)
2. What is missing is started and what stopped is restarted, all at once: this only adds. What is only
   starting is waited for where something else depends on it.
3. Replacements roll over the whole play, ``parallelism`` at a time, broken replicas first. With
   stop-first at most that many are away; with start-first none.
4. Surplus goes when everything that takes its place is ready; at once where nothing does, or where it is
   broken.
5. Each host records the release when all of the project's steps are done.

Where a host port passes from one service to another, its new holder waits for the old one to go. Only
where that would go round in a circle the old one goes first of all, and a note says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from deploytool.core.change.batches import batches, in_waves
from deploytool.core.change.reconcile import Change, is_renamed
from deploytool.core.change.step_builder import StepBuilder
from deploytool.core.change.surge import Surges, at_once, await_freed, surges
from deploytool.model.container import Container
from deploytool.model.intent import Project, Service
from deploytool.model.observed import Observed
from deploytool.model.plan import Gate, GateGoal, Step

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RolledOut:
    """The steps in an order in which they could run one by one; each after those that it needs.

    ``surged`` are the services that are rolled start-first, ``notes`` say where that was not possible.
    """

    steps: tuple[Step, ...]
    surged: frozenset[str]
    notes: tuple[str, ...]


def roll_out(
    project: Project,
    changes: Sequence[Change],
    observed: Observed,
    timeout_s: float | None = None,
    earlier: Mapping[str, str] = _NOTHING,
) -> RolledOut:
    """Order all that changes containers.

    ``timeout_s`` overrides how long a replica may take to be ready. ``earlier`` are the containers that
    the projects before this one in the same run stop: container id → id of the step.
    """
    awaited = _awaited(project, changes)
    touched = [change for change in changes if change.touched or (change.service, change.host) in awaited]
    surging = surges(project, touched, observed)
    first: dict[str, str] = {}
    while True:
        builder = _built(StepBuilder(project, touched, timeout_s), project, touched, awaited, surging, first)
        stuck = await_freed(builder, project, touched, observed, earlier)
        if not stuck:
            break
        first |= stuck
    notes = (*surging.notes, *_gone_first(touched, first))
    return RolledOut(in_waves(project, builder.in_order()), frozenset(surging.services), notes)


def _awaited(project: Project, changes: Sequence[Change]) -> dict[tuple[str, str], str]:
    """(service, host) → a sentence about replicas that are in place, but not ready yet.

    Only where something of the plan waits for their service: a replacement, a stop, a dependant.
    """
    closure = _closure(project)
    going = {change.service for change in changes if change.replace or change.broken or change.stop}
    coming = {change.service for change in changes if change.touched and change.service in closure}
    needed = {name for service in coming for name in closure[service]}
    jobs = {service.name for service in project.services if project.finishes(service)}
    awaited: dict[tuple[str, str], str] = {}
    for change in changes:
        starting = [c.name for c in change.unready if c.health]
        settling = [c.name for c in change.unready if not c.health]
        running = [c.name for c in change.in_place if c.running and change.service in jobs]
        if running and change.service in needed:
            awaited[change.service, change.host] = f"until {', '.join(running)} has finished"
        elif starting and change.service in needed | going:
            awaited[change.service, change.host] = f"until {', '.join(starting)} is healthy"
        elif settling and change.service in needed | going:
            awaited[change.service, change.host] = f"until {', '.join(settling)} keeps running"
    return awaited


def _built(
    builder: StepBuilder,
    project: Project,
    touched: Sequence[Change],
    awaited: Mapping[tuple[str, str], str],
    surging: Surges,
    first: Collection[str],
) -> StepBuilder:
    for host_name in sorted({change.host for change in touched}):
        builder.prepare(host_name)
    by_service: dict[str, list[Change]] = {}
    for change in touched:
        before, rest = at_once(change, first) if first else (None, change)
        if before and before.stop:
            builder.stop(change, before.stop, change.why_stop or _causes(change, before.stop), ())
        by_service.setdefault(change.service, []).append(rest)
    closure = _closure(project)
    by_service = {name: [_clear_away(builder, c) for c in mine] for name, mine in by_service.items()}
    for service in _in_order(project):
        if service.name in by_service:
            needs = tuple(step for name in closure[service.name] for step in builder.ready.get(name, ()))
            mine = by_service[service.name]
            _bring_up(builder, service, mine, awaited, needs)
            _replace(builder, service, mine, needs, surge=service.name in surging.services)
    _stop_surplus(builder, project, by_service)
    return builder


def _clear_away(builder: StepBuilder, change: Change) -> Change:
    """What is too much and broken goes at once: nothing is lost with it, and nothing waits for a successor.

    So the one that a failed run kept for inspection is gone before the next try makes another.
    """
    broken = tuple(c for c in change.stop if c.id in change.causes and not (is_renamed(c) and c.healthy))
    if not broken:
        return change
    builder.stop(change, broken, _causes(change, broken), ())
    return replace(change, stop=tuple(c for c in change.stop if c not in broken))


def _in_order(project: Project) -> list[Service]:
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


def _closure(project: Project) -> dict[str, tuple[str, ...]]:
    """Service → all that it depends on, directly or not: an untouched one between them hides nothing."""
    closure: dict[str, tuple[str, ...]] = {}
    for service in _in_order(project):
        names: dict[str, None] = {}
        for dependency in service.depends_on:
            names |= dict.fromkeys((*closure.get(dependency.service, ()), dependency.service))
        closure[service.name] = tuple(names)
    return closure


def _bring_up(
    builder: StepBuilder,
    service: Service,
    changes: Iterable[Change],
    awaited: Mapping[tuple[str, str], str],
    needs: tuple[str, ...],
) -> None:
    ready: list[str] = []
    for change in changes:
        if change.restart:
            cause = _causes(change, change.restart)
            ready.append(builder.restart(change, change.restart, cause, needs))
        if change.start:
            ready.append(builder.start(change, change.start, change.why_start, needs))
        until = awaited.get((change.service, change.host))
        if until:
            ready.append(builder.start(change, 0, until, ()))
    builder.ready[service.name] = tuple(ready)


# --- replacements ---------------------------------------------------------------------------------------


def _replace(
    builder: StepBuilder, service: Service, changes: Sequence[Change], needs: tuple[str, ...], *, surge: bool
) -> None:
    order = batches(builder.project)
    changes = sorted(changes, key=lambda change: order.get(change.host, 0))
    broken = [(change, container) for change in changes for container in change.broken]
    sound = [(change, container) for change in changes for container in change.replace]
    size = service.update.parallelism or len(broken) + len(sound)
    needs = (*needs, *builder.ready[service.name])
    delay_s = 0.0
    for batch, start_first in _batches(broken, sound, size, surge):
        pairs = [
            _replace_on_host(builder, change, containers, start_first, needs, delay_s)
            for change, containers in _by_host(batch)
        ]
        # Who waits for this service waits for its last batch, which waits for all others.
        builder.ready[service.name] = tuple(up for up, _ in pairs)
        needs = tuple(last for _, last in pairs)
        delay_s = service.update.delay_s


_Pairs = Sequence[tuple[Change, Container]]


def _batches(broken: _Pairs, sound: _Pairs, size: int, surge: bool) -> Iterator[tuple[_Pairs, bool]]:
    """Batches with their order: broken replicas stop first whatever the order, nothing is lost with them."""
    if not surge:
        broken, sound = (), [*broken, *sound]
    for pairs, start_first in ((broken, False), (sound, surge)):
        for begin in range(0, len(pairs), size or 1):
            yield pairs[begin : begin + size], start_first


def _by_host(pairs: _Pairs) -> Iterable[tuple[Change, list[Container]]]:
    """A service has one change on a host."""
    found: dict[str, tuple[Change, list[Container]]] = {}
    for change, container in pairs:
        found.setdefault(change.host, (change, []))[1].append(container)
    return found.values()


def _replace_on_host(
    builder: StepBuilder,
    change: Change,
    old: Sequence[Container],
    start_first: bool,
    needs: tuple[str, ...],
    delay_s: float,
) -> tuple[str, str]:
    """Replace containers on one host; returns the start's id and that of the last step."""
    cause, number = _causes(change, old), len(old)
    if start_first:
        up = builder.start(
            change, number, cause, needs, replaces=True, changes=change.changed, delay_s=delay_s
        )
        return up, builder.stop(change, old, cause, (up,), replaces=True)
    down = builder.stop(change, old, cause, needs, replaces=True, delay_s=delay_s)
    up = builder.start(change, number, cause, (down,), replaces=True, changes=change.changed)
    return up, up


# --- what goes ------------------------------------------------------------------------------------------


def _stop_surplus(builder: StepBuilder, project: Project, by_service: Mapping[str, Sequence[Change]]) -> None:
    in_file = {service.name for service in project.services}
    everything = tuple(step for ready in builder.ready.values() for step in ready)
    for name, changes in by_service.items():
        # What left the file may have been renamed: then all that starts takes its place.
        successors = builder.ready.get(name, ()) if name in in_file else everything
        for change in changes:
            if change.stop:
                builder.stop(change, change.stop, change.why_stop, successors)


def _gone_first(touched: Iterable[Change], first: Mapping[str, str]) -> Iterator[str]:
    """Sentences about what is stopped before anything takes its place."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for change in touched:
        for container in (*change.stop, *change.replace, *change.broken):
            if container.id in first:
                hosts.setdefault((change.service, first[container.id]), []).append(change.host)
    for (service, taker), names in hosts.items():
        where = f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
        yield f"{service} is stopped before its successor is ready on {where}, since {taker} takes its port"


def _causes(change: Change, containers: Iterable[Container]) -> str:
    """Why something happens to these containers: what ails them, else the keys that changed."""
    ailments = [change.causes[c.id] for c in containers if c.id in change.causes]
    return ", ".join(ailments) or f"changed: {', '.join(change.changed)}"


def unwatched(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The same steps, without waiting for what no other step waits for.

    For a watcher, which sees by itself what becomes of a replica: a slow one then keeps nothing else from
    being repaired.
    """
    needed = {need for step in steps for need in step.needs}
    batches_follow = any(step.wave for step in steps)
    return tuple(
        step
        if step.gate is None or step.id in needed or batches_follow
        else replace(step, gate=Gate(GateGoal.NONE, step.gate.deadline_s))
        for step in steps
    )
