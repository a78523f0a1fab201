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

from deploytool.core.change.batches import in_waves
from deploytool.core.change.dependencies import closure_of, in_order
from deploytool.core.change.handover import await_freed, stopped_first
from deploytool.core.change.reconcile import Change
from deploytool.core.change.replacements import causes_of, replace_in_batches
from deploytool.core.change.replica_check import is_renamed
from deploytool.core.change.step_builder import StepBuilder
from deploytool.core.change.surge import Surges, surges
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
    closure = closure_of(project)
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
        before, rest = stopped_first(change, first) if first else (None, change)
        if before and before.stop:
            builder.stop(change, before.stop, change.why_stop or causes_of(change, before.stop), ())
        by_service.setdefault(change.service, []).append(rest)
    closure = closure_of(project)
    by_service = {name: [_clear_away(builder, c) for c in mine] for name, mine in by_service.items()}
    for service in in_order(project):
        if service.name in by_service:
            needs = tuple(step for name in closure[service.name] for step in builder.ready.get(name, ()))
            mine = by_service[service.name]
            _bring_up(builder, service, mine, awaited, needs)
            replace_in_batches(builder, service, mine, needs, surge=service.name in surging.services)
    _stop_surplus(builder, project, by_service)
    return builder


def _clear_away(builder: StepBuilder, change: Change) -> Change:
    """The change without its surplus containers that are broken: these stop at once, without a successor.

    So the one that a failed run kept for inspection is gone before the next try makes another.
    """
    broken = tuple(c for c in change.stop if c.id in change.causes and not (is_renamed(c) and c.healthy))
    if not broken:
        return change
    builder.stop(change, broken, causes_of(change, broken), ())
    return replace(change, stop=tuple(c for c in change.stop if c not in broken))


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
            cause = causes_of(change, change.restart)
            ready.append(builder.restart(change, change.restart, cause, needs))
        if change.start:
            ready.append(builder.start(change, change.start, change.why_start, needs))
        until = awaited.get((change.service, change.host))
        if until:
            ready.append(builder.start(change, 0, until, ()))
    builder.ready[service.name] = tuple(ready)


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
