"""Surges: new replicas beside the old ones during an update, within the limits of their hosts.

The schedule holds before and after a plan. In between, everything counts that may be on a host at the same
time: what runs, what will start, and the surge of every service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploytool.core.change.reconcile import Change
from deploytool.core.placement.capacity import Ledger, Need, ledgers
from deploytool.core.placement.ports import any_held
from deploytool.model.container import Container
from deploytool.model.intent import Project, Resources, Service
from deploytool.model.observed import Observed
from deploytool.model.policies import UpdateOrder


@dataclass(slots=True)
class Surges:
    """The services that are rolled start-first, and a note for each that asked for it in vain."""

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
            ports = tuple(port for port in service.ports if not any_held(container.ports, (port,)))
            book.take(Need.of(project.name, replace(service, reserve=more, ports=ports)), 1)


def _beyond(service: Service, container: Container) -> Resources:
    """The additional reservation of a new replica, compared with an old one."""
    cpus = service.reserve.cpus - container.reserve.cpus
    memory_bytes = service.reserve.memory_bytes - container.reserve.memory_bytes
    return Resources(max(0.0, cpus), max(0, memory_bytes))


def _obstacle(
    project: Project, service: Service, changes: Sequence[Change], books: Mapping[str, Ledger]
) -> str:
    """The first host without room for the surge, and its reason; empty where it fits, and is then booked."""
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
