"""What fits beside what, while a plan is being done: surges, and starts that take another's place.

The schedule holds before and after a plan; here is what holds in between. On each host all counts that
may be there at the same time: what runs, what will start, and the surge of every service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploytool.core.change.reconcile import Change
from deploytool.core.change.step_builder import StepBuilder
from deploytool.core.placement.capacity import Ledger, Need, holds_ports, ledgers
from deploytool.core.placement.ports import PortBook, overlap
from deploytool.model.container import Container, HostPort
from deploytool.model.intent import Port, Project, Resources, Service
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.plan import Step, StepKind
from deploytool.model.policies import UpdateOrder


@dataclass(slots=True)
class Surges:
    """The services that can be rolled start-first, and a sentence for each that asked for it in vain."""

    services: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def surges(project: Project, changes: Sequence[Change], observed: Observed) -> Surges:
    """Decide, in the file's order, which services have room for new replicas beside the old ones."""
    found = Surges()
    asked = {change.service for change in changes if change.replace}
    willing = [s for s in project.services if s.update.order == UpdateOrder.START_FIRST and s.name in asked]
    if not willing:
        return found
    books = ledgers(project.hosts, observed, "", ())
    for service in project.services:
        for change in _of(service, changes):
            _book_starts(project, service, change, books.get(change.host))
    for service in willing:
        obstacle = _obstacle(project, service, _of(service, changes), books)
        if obstacle:
            found.notes.append(f"{service.name}: stop-first instead of start-first, since {obstacle}")
        else:
            found.services.add(service.name)
    return found


def _of(service: Service, changes: Iterable[Change]) -> list[Change]:
    return [change for change in changes if change.service == service.name]


def _book_starts(project: Project, service: Service, change: Change, book: Ledger | None) -> None:
    """Count in what is there and started, and what replacements take beyond what they replace."""
    if book is None:
        return
    need = Need.of(project.name, service)
    book.hold(need, change.there)
    book.book(need, change.start)
    for container in (*change.replace, *change.broken):
        more = _beyond(service, container)
        if more != Resources() or service.ports:
            ports = tuple(port for port in service.ports if not _holds(container.ports, (port,)))
            book.take(Need.of(project.name, replace(service, reserve=more, ports=ports)), 1)


def _beyond(service: Service, container: Container) -> Resources:
    """What a new replica reserves more than an old one."""
    cpus = service.reserve.cpus - container.reserve.cpus
    memory_bytes = service.reserve.memory_bytes - container.reserve.memory_bytes
    return Resources(max(0.0, cpus), max(0, memory_bytes))


def _obstacle(
    project: Project, service: Service, changes: Sequence[Change], books: Mapping[str, Ledger]
) -> str:
    """Why the surge does not fit somewhere: ``h1 has port 80 in use …``; else empty, and it is booked."""
    # A global service is never twice on a host for long, but its successor may be beside it.
    need = replace(Need.of(project.name, service), most=service.max_per_host)
    surging = [(change, _surge(service, change)) for change in changes if change.replace]
    for change, surge in surging:
        ledger = books.get(change.host)
        why = ledger.shortage(need, surge) if ledger else ""
        if why:
            return f"{change.host} {why}"
    for change, surge in surging:
        if change.host in books:
            books[change.host].book(need, surge)
    return ""


def _surge(service: Service, change: Change) -> int:
    return min(service.update.parallelism or len(change.replace), len(change.replace))


# --- places that pass from one service to another -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Down:
    """A step that frees something. ``surplus``: nothing of the same service takes its place here."""

    step_id: str
    service: str
    containers: tuple[Container, ...]
    surplus: bool


@dataclass(frozen=True, slots=True)
class _Up:
    """A start or restart. In its chain, ``number`` replicas were begun with it and before; by then the
    containers in ``gone`` are out, or are among these."""

    step: Step
    number: int
    gone: frozenset[str]


@dataclass(slots=True)
class _Site:
    """One host on which something stops and something starts, both in the builder's order."""

    downs: list[_Down] = field(default_factory=list)
    ups: list[_Up] = field(default_factory=list)

    def add_up(self, step: Step) -> None:
        chain = [up for up in self.ups if up.step.service == step.service]
        number = step.count + (chain[-1].number if chain else 0)
        stopped = (c.id for down in self.downs if down.service == step.service for c in down.containers)
        restarted = (ref.id for up in (*(up.step for up in chain), step) for ref in up.containers)
        self.ups.append(_Up(step, number, frozenset((*stopped, *restarted))))


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
        for up in site.ups:
            service = services[up.step.service]
            ports = _short_of(up, site, services, observed.answered()[host_name])
            stuck |= _wait_for_ports(builder, up, site.downs, ports)
            if up.step.kind is StepKind.START and not up.step.replaces and host_name in books:
                _wait_for_resources(builder, up.step, service, site.downs, books[host_name])
    return stuck


def _sites(
    builder: StepBuilder, leaving: Mapping[str, Container], observed: Observed, earlier: Mapping[str, str]
) -> dict[str, _Site]:
    sites: dict[str, _Site] = {}
    for host_name, container in observed.containers() if earlier else ():
        if container.id in earlier:
            down = _Down(earlier[container.id], "", (container,), True)
            sites.setdefault(host_name, _Site()).downs.append(down)
    for step in builder.steps.values():
        site = sites.setdefault(step.host, _Site())
        if step.kind is StepKind.STOP:
            containers = tuple(leaving[ref.id] for ref in step.containers)
            site.downs.append(_Down(step.id, step.service, containers, not step.replaces))
        elif step.kind in (StepKind.START, StepKind.RESTART):
            site.add_up(step)
    return {name: site for name, site in sites.items() if site.downs and site.ups}


def _wait_for_ports(
    builder: StepBuilder, up: _Up, downs: Iterable[_Down], ports: Sequence[Port]
) -> dict[str, str]:
    service = up.step.service
    stuck: dict[str, str] = {}
    for down in downs if ports else ():
        holders = [c for c in down.containers if c.id not in up.gone and _holds(c.ports, ports)]
        if not holders or (down.service == service and not down.surplus):
            continue
        if builder.waits_for(down.step_id, up.step.id):
            stuck.update((container.id, service) for container in holders)
        else:
            builder.wait(up.step.id, down.step_id)
    return stuck


def _short_of(up: _Up, site: _Site, services: Mapping[str, Service], seen: ObservedHost) -> list[Port]:
    """The ports of which there are too few while all is there that goes later, and others start too."""
    wanted = Need.of("", services[up.step.service]).ports
    beside = _beside(up, seen) if wanted else PortBook()
    short = []
    for port in wanted:
        rivals = (o.step for o in site.ups if o.step.service != up.step.service)
        number = up.number + sum(
            r.count for r in rivals if any(overlap(port, p) for p in services[r.service].ports)
        )
        number = min(number, port.last - port.first + 1)
        if beside.room((port,), number) < number:
            short.append(port)
    return short


def _beside(up: _Up, seen: ObservedHost) -> PortBook:
    """The ports that others hold when ``up`` begins."""
    book = PortBook()
    for container in seen.containers:
        if container.id not in up.gone and holds_ports(container):
            book.take(container.ports, container.id)
    return book


def _wait_for_resources(
    builder: StepBuilder, up: Step, service: Service, downs: Iterable[_Down], book: Ledger
) -> None:
    need = Need.of("", replace(service, ports=()))
    for down in downs if book.room(need, up.count) < up.count else ():
        if down.surplus and down.service != up.service and not builder.waits_for(down.step_id, up.id):
            builder.wait(up.id, down.step_id)


def _holds(held: Sequence[HostPort], wanted: Iterable[Port]) -> bool:
    """Whether one of the held ports clashes with one that is wanted."""
    book = PortBook()
    book.take(held, "held")
    return any(
        book.owner(HostPort(one.port, port.protocol, port.ip))
        for port in wanted
        for one in held
        if port.first <= one.port <= port.last
    )


def at_once(change: Change, ids: Collection[str]) -> tuple[Change, Change]:
    """What of a change is stopped before all else, and what is left to do.

    What was to be replaced is then missing, and is started like everything that is.
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
