"""What fits beside what, while a plan is being done: surges, and starts that take another's place.

The schedule holds before and after a plan; here is what holds in between. On each host all counts that
may be there at the same time: what runs, what will start, and the surge of every service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploytool.core.capacity import Ledger, Need, ledgers
from deploytool.core.draft import Draft
from deploytool.core.ports import PortBook
from deploytool.core.reconcile import Change
from deploytool.model.observed import Container, HostPort, Observed, ObservedHost
from deploytool.model.plan import Step, StepKind
from deploytool.model.service import Port, Project, Resources, Service


@dataclass(slots=True)
class Surges:
    """The services that can be rolled start-first, and a sentence for each that asked for it in vain."""

    services: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def surges(project: Project, changes: Sequence[Change], observed: Observed) -> Surges:
    """Decide, in the file's order, which services have room for new replicas beside the old ones."""
    found = Surges()
    asked = {change.service for change in changes if change.replace}
    willing = [s for s in project.services if s.update.order == "start-first" and s.name in asked]
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
    """Count in what is started, and by how much replacements are bigger than what they replace."""
    if book is None:
        return
    book.book(Need.of(project.name, service), change.start)
    for container in (*change.replace, *change.broken):
        cpus = service.reserve.cpus - container.reserve.cpus
        memory_bytes = service.reserve.memory_bytes - container.reserve.memory_bytes
        more = Resources(max(0.0, cpus), max(0, memory_bytes))
        book.book(Need.of(project.name, replace(service, reserve=more, ports=())), 1)


def _obstacle(
    project: Project, service: Service, changes: Sequence[Change], books: Mapping[str, Ledger]
) -> str:
    """Why the surge does not fit somewhere: ``h1 has port 80 in use …``; else empty, and it is booked."""
    need = Need.of(project.name, service)
    surging = [(change, _surge(service, change)) for change in changes if change.replace]
    for change, surge in surging:
        why = _no_room(service, need, change, surge, books.get(change.host))
        if why:
            return f"{change.host} {why}"
    for change, surge in surging:
        if change.host in books:
            books[change.host].book(need, surge)
    return ""


def _surge(service: Service, change: Change) -> int:
    return min(service.update.parallelism or len(change.replace), len(change.replace))


def _no_room(service: Service, need: Need, change: Change, surge: int, book: Ledger | None) -> str:
    beside = change.there + change.start + surge
    if service.max_per_host and beside > service.max_per_host:
        return f"would hold {beside} replicas, more than max_replicas_per_node {service.max_per_host}"
    if book is None or book.room(need, surge) >= surge:
        return ""
    refusal = book.refusal(need)
    return f"{refusal.one}, beside the old ones" if refusal else "has room for fewer"


# --- places that pass from one service to another -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Down:
    """A step that frees something. ``surplus``: nothing of the same service takes its place here."""

    step_id: str
    service: str
    containers: tuple[Container, ...]
    surplus: bool


def make_room(
    draft: Draft,
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
    downs = _downs(draft, leaving, observed, earlier)
    ups = _ups(draft, downs)
    books = ledgers((h for h in project.hosts if h.name in ups), observed, "", ())
    services = {service.name: service for service in project.services}
    stuck: dict[str, str] = {}
    for host_name, starts in ups.items():
        for up in starts:
            service, book = services[up.service], books.get(host_name)
            if book is not None and book.room(Need.of(project.name, service), up.count) < up.count:
                stuck |= _wait_for_ports(draft, up, service, downs[host_name], book)
                _wait_for_resources(draft, up, service, downs[host_name], book)
    return stuck


def _downs(
    draft: Draft, leaving: Mapping[str, Container], observed: Observed, earlier: Mapping[str, str]
) -> dict[str, list[_Down]]:
    found: dict[str, list[_Down]] = {}
    for step in draft.steps.values():
        if step.kind is StepKind.STOP:
            containers = tuple(leaving[ref.id] for ref in step.containers)
            down = _Down(step.id, step.service, containers, not step.replaces)
            found.setdefault(step.host, []).append(down)
    for host_name, seen in observed.items() if earlier else ():
        for container in seen.containers if isinstance(seen, ObservedHost) else ():
            if container.id in earlier:
                down = _Down(earlier[container.id], "", (container,), True)
                found.setdefault(host_name, []).append(down)
    return found


def _ups(draft: Draft, hosts: Mapping[str, object]) -> dict[str, list[Step]]:
    """The starts on hosts on which something is stopped as well."""
    found: dict[str, list[Step]] = {}
    for step in draft.steps.values():
        if step.kind in (StepKind.START, StepKind.RESTART) and step.host in hosts:
            found.setdefault(step.host, []).append(step)
    return found


def _wait_for_ports(
    draft: Draft, up: Step, service: Service, downs: Iterable[_Down], book: Ledger
) -> dict[str, str]:
    stuck: dict[str, str] = {}
    ports = [port for port in Need.of("", service).ports if book.room(_just(port), up.count) < up.count]
    for down in downs if ports else ():
        holders = [c for c in down.containers if _holds(c.ports, ports)]
        if not holders or down.service == up.service:
            continue
        if draft.waits_for(down.step_id, up.id):
            stuck.update((container.id, up.service) for container in holders)
        else:
            draft.wait(up.id, down.step_id)
    return stuck


def _wait_for_resources(
    draft: Draft, up: Step, service: Service, downs: Iterable[_Down], book: Ledger
) -> None:
    need = Need.of("", replace(service, ports=()))
    if up.replaces or up.kind is StepKind.RESTART or book.room(need, up.count) >= up.count:
        return
    for down in downs:
        if down.surplus and down.service != up.service and not draft.waits_for(down.step_id, up.id):
            draft.wait(up.id, down.step_id)


def _just(port: Port) -> Need:
    return Need(0, 0, (port,), "")


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
