"""Handover of ports and reservations: a start waits for the stop of what it cannot run beside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploytool.core.change.reconcile import Change
from deploytool.core.change.step_builder import StepBuilder
from deploytool.core.placement.capacity import Ledger, Need, holds_ports, ledgers
from deploytool.core.placement.ports import PortBook, any_held, overlap
from deploytool.model.container import Container
from deploytool.model.intent import Port, Project, Service
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.plan import Step, StepKind


@dataclass(frozen=True, slots=True)
class _Stop:
    """A step that frees something. ``surplus``: nothing of the same service takes its place here."""

    step_id: str
    service: str
    containers: tuple[Container, ...]
    surplus: bool


@dataclass(frozen=True, slots=True)
class _Start:
    """A start or restart. In its chain, ``number`` replicas were begun with it and before; by then the
    containers in ``gone`` are out, or are among these."""

    step: Step
    number: int
    gone: frozenset[str]


@dataclass(slots=True)
class _Site:
    """One host on which something stops and something starts, both in the builder's order."""

    stops: list[_Stop] = field(default_factory=list)
    starts: list[_Start] = field(default_factory=list)

    def add_start(self, step: Step) -> None:
        chain = [start for start in self.starts if start.step.service == step.service]
        number = step.count + (chain[-1].number if chain else 0)
        stopped = (c.id for stop in self.stops if stop.service == step.service for c in stop.containers)
        restarted = (ref.id for start in (*(start.step for start in chain), step) for ref in start.containers)
        self.starts.append(_Start(step, number, frozenset((*stopped, *restarted))))


def await_freed(
    builder: StepBuilder,
    project: Project,
    changes: Iterable[Change],
    observed: Observed,
    earlier: Mapping[str, str],
) -> dict[str, str]:
    """Let each start wait for the stop of what it cannot run beside: a port or a reservation passes on.

    ``earlier`` are the stops of the run's other projects, container id → step id.

    Returns the containers, id → the service that takes their port, that have to be stopped before
    anything else, since the wait would go round in a circle. For a reservation, which is a promise and no
    obstacle, there is no wait in that case.
    """
    leaving = {c.id: c for change in changes for c in (*change.stop, *change.replace, *change.broken)}
    sites = _sites(builder, leaving, observed, earlier)
    books = ledgers((host for host in project.hosts if host.name in sites), observed, "", ())
    services = {service.name: service for service in project.services}
    stuck: dict[str, str] = {}
    for host_name, site in sites.items():
        for start in site.starts:
            service = services[start.step.service]
            ports = _short_of(start, site, services, observed.answered()[host_name])
            stuck |= _wait_for_ports(builder, start, site.stops, ports)
            if start.step.kind is StepKind.START and not start.step.replaces and host_name in books:
                _wait_for_resources(builder, start.step, service, site.stops, books[host_name])
    return stuck


def _sites(
    builder: StepBuilder, leaving: Mapping[str, Container], observed: Observed, earlier: Mapping[str, str]
) -> dict[str, _Site]:
    sites: dict[str, _Site] = {}
    for host_name, container in observed.containers() if earlier else ():
        if container.id in earlier:
            stop = _Stop(earlier[container.id], "", (container,), True)
            sites.setdefault(host_name, _Site()).stops.append(stop)
    for step in builder.steps.values():
        site = sites.setdefault(step.host, _Site())
        if step.kind is StepKind.STOP:
            containers = tuple(leaving[ref.id] for ref in step.containers)
            site.stops.append(_Stop(step.id, step.service, containers, not step.replaces))
        elif step.kind in (StepKind.START, StepKind.RESTART):
            site.add_start(step)
    return {name: site for name, site in sites.items() if site.stops and site.starts}


def _wait_for_ports(
    builder: StepBuilder, start: _Start, stops: Iterable[_Stop], ports: Sequence[Port]
) -> dict[str, str]:
    service = start.step.service
    stuck: dict[str, str] = {}
    for stop in stops if ports else ():
        holders = [c for c in stop.containers if c.id not in start.gone and any_held(c.ports, ports)]
        if not holders or (stop.service == service and not stop.surplus):
            continue
        if builder.waits_for(stop.step_id, start.step.id):
            stuck.update((container.id, service) for container in holders)
        else:
            builder.wait(start.step.id, stop.step_id)
    return stuck


def _short_of(start: _Start, site: _Site, services: Mapping[str, Service], seen: ObservedHost) -> list[Port]:
    """The ports of which there are too few while all is there that goes later, and others start too."""
    wanted = Need.of("", services[start.step.service]).ports
    beside = _beside(start, seen) if wanted else PortBook()
    short = []
    for port in wanted:
        rivals = (o.step for o in site.starts if o.step.service != start.step.service)
        number = start.number + sum(
            r.count for r in rivals if any(overlap(port, p) for p in services[r.service].ports)
        )
        number = min(number, port.last - port.first + 1)
        if beside.room((port,), number) < number:
            short.append(port)
    return short


def _beside(start: _Start, seen: ObservedHost) -> PortBook:
    """The ports that others hold when ``start`` begins."""
    book = PortBook()
    for container in seen.containers:
        if container.id not in start.gone and holds_ports(container):
            book.take(container.ports, container.id)
    return book


def _wait_for_resources(
    builder: StepBuilder, start: Step, service: Service, stops: Iterable[_Stop], book: Ledger
) -> None:
    need = Need.of("", replace(service, ports=()))
    for stop in stops if book.room(need, start.count) < start.count else ():
        if stop.surplus and stop.service != start.service and not builder.waits_for(stop.step_id, start.id):
            builder.wait(start.id, stop.step_id)


def stopped_first(change: Change, ids: Collection[str]) -> tuple[Change, Change]:
    """The stops of ``ids`` that come before everything else, and the rest of the change.

    A container that was to be replaced is missing then, and the rest starts another one.
    """
    surplus = tuple(c for c in change.stop if c.id in ids)
    replaced = tuple(c for c in (*change.replace, *change.broken) if c.id in ids)
    rest = replace(
        change,
        stop=tuple(c for c in change.stop if c.id not in ids),
        replace=tuple(c for c in change.replace if c.id not in ids),
        broken=tuple(c for c in change.broken if c.id not in ids),
        start=change.start + len(replaced),
    )
    return replace(change, stop=(*surplus, *replaced), replace=(), broken=()), rest
