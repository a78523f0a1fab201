"""Replacements in batches over the whole play, ``parallelism`` replicas at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from deploytool.core.change.batches import batches
from deploytool.core.change.reconcile import Change
from deploytool.core.change.step_builder import StepBuilder
from deploytool.model.container import Container
from deploytool.model.intent import Service


def replace_in_batches(
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
    cause, number = causes_of(change, old), len(old)
    if start_first:
        up = builder.start(
            change, number, cause, needs, replaces=True, changes=change.changed, delay_s=delay_s
        )
        return up, builder.stop(change, old, cause, (up,), replaces=True)
    down = builder.stop(change, old, cause, needs, replaces=True, delay_s=delay_s)
    up = builder.start(change, number, cause, (down,), replaces=True, changes=change.changed)
    return up, up


def causes_of(change: Change, containers: Iterable[Container]) -> str:
    """The cause of a change of these containers: their faults, else the keys that changed."""
    ailments = [change.causes[c.id] for c in containers if c.id in change.causes]
    return ", ".join(ailments) or f"changed: {', '.join(change.changed)}"
