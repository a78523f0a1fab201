"""The services that projects offer behind ingress ports, their hosts, and clashes between two offers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from deploytool.errors import Place, Problem
from deploytool.model.ingress import INGRESS_PROJECT, IngressKeys, IngressProtocol, Offer
from deploytool.model.intent import Port, PortMode, Project, Service
from deploytool.model.observed import Observed


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer and the hosts that answer to it; ``here``: it is of these files, and written at ``place``."""

    offer: Offer
    hosts: frozenset[str]
    place: Place = Place("")
    here: bool = False


@dataclass(frozen=True, slots=True)
class Clash:
    """A conflict: ``projects`` cannot be behind the same proxies, or one of them behind none at all."""

    projects: frozenset[str]
    problem: Problem


def ingress_ports(service: Service) -> tuple[Port, ...]:
    """The ports of a service that belong to every host of the play."""
    return tuple(port for port in service.ports if port.mode == PortMode.INGRESS) if service.exposure else ()


def offered(project: Project, observed: Observed, taken: Collection[int] = ()) -> tuple[Offered, ...]:
    """The offers of one project of the files, on every host of its play; ``taken``: mesh ports of others."""
    hosts = frozenset(host.name for host in project.hosts)
    mesh = _mesh_ports(project, observed, taken)
    return tuple(
        Offered(_offer(project, service, port, mesh), hosts, service.place, here=True)
        for service in project.services
        for port in ingress_ports(service)
    )


def _offer(project: Project, service: Service, port: Port, mesh: Mapping[tuple[str, int], int]) -> Offer:
    exposure = service.exposure or IngressKeys()
    tls = exposure.ends_tls(port.first, port.app_protocol)
    shown = exposure.tls if tls else None
    return Offer(
        project=project.name,
        service=service.name,
        port=port.first,
        protocol=exposure.protocol,
        tls=tls,
        domains=exposure.domains,
        path=exposure.path,
        mesh=mesh[service.name, port.target],
        place=service.place.file,
        certificate=f"{project.name}~{shown.certificate}~{shown.key}" if shown else "",
    )


def _mesh_ports(project: Project, observed: Observed, taken: Collection[int]) -> dict[tuple[str, int], int]:
    """(service, target) → its port between hosts: HTTP shares the first of the range, TCP has one each.

    What a host remembers of this project is kept, so that the ports stay what they are.

    Raises:
        KeyError: never; a range that is too small gives 0, which ``clashes`` reports.
    """
    first, last = project.proxy_settings.mesh
    known = {
        (offer.service, offer.port): offer.mesh
        for offer in _remembered(observed, [project.name])
        if offer.protocol == IngressProtocol.TCP and first + 1 < offer.mesh <= last
    }
    others = {offer.mesh for offer in _remembered(observed) if offer.project != project.name}
    held = {*taken, *others, *known.values()}
    free = iter(number for number in range(first + 2, last + 1) if number not in held)
    found: dict[tuple[str, int], int] = {}
    for service in project.services:
        tcp = service.exposure is not None and not service.exposure.is_http
        for port in ingress_ports(service):
            key = (service.name, port.target)
            if key not in found:
                found[key] = (known.get((service.name, port.first)) or next(free, 0)) if tcp else first
    return found


def _remembered(observed: Observed, projects: Sequence[str] = ()) -> Iterator[Offer]:
    for host in observed.answered().values():
        for name, served in sorted(host.served.items()):
            if not projects or name in projects:
                yield from served.offers


def offered_by_others(observed: Observed, projects: Iterable[str]) -> tuple[Offered, ...]:
    """The offers on record of projects that are not in these files."""
    mine = {*projects, INGRESS_PROJECT}
    found: dict[Offer, set[str]] = {}
    for host_name, host in observed.answered().items():
        for name, served in host.served.items():
            for offer in served.offers if name not in mine else ():
                found.setdefault(offer, set()).add(host_name)
    return tuple(Offered(offer, frozenset(hosts)) for offer, hosts in found.items())


def clashes(offers: Sequence[Offered]) -> Iterator[Clash]:
    """Offers that no proxy could keep apart, each pair once, named both; and those without a mesh port.

    At least one of each is in these files: what else two others have against each other is not ours to say.
    """
    for one in offers:
        if one.here and not one.offer.mesh:
            message = f"{one.offer.name}: the range of mesh_ports has no free port for it"
            problem = Problem(one.place, message, "widen ingress.mesh_ports of the play")
            yield Clash(frozenset([one.offer.project]), problem)
    by_port: dict[int, list[Offered]] = {}
    for one in offers:
        for other in by_port.get(one.offer.port, ()):
            meet = (one.here or other.here) and one.hosts & other.hosts
            why = _clash(one.offer, other.offer) if meet else ""
            if why:
                projects = frozenset((one.offer.project, other.offer.project))
                yield Clash(projects, _problem(one, other, why))
        by_port.setdefault(one.offer.port, []).append(one)


def _clash(one: Offer, other: Offer) -> str:
    """The conflict of two offers of one port, as a clause; empty without one."""
    if IngressProtocol.TCP in (one.protocol, other.protocol):
        return "and with protocol tcp a port has one service only"
    if one.tls != other.tls:
        return "one with TLS and one without"
    shared = sorted({*one.domains} & {*other.domains})
    if shared and one.path.rstrip("/") == other.path.rstrip("/"):
        names = "for any host name" if shared == ["*"] else f"for {', '.join(shared)}"
        return f"both {names} and path {one.path}"
    if shared and one.certificate and other.certificate and one.certificate != other.certificate:
        return f"each shows a certificate of its own for {', '.join(shared)}"
    return ""


def _problem(one: Offered, other: Offered, why: str) -> Problem:
    place, first = (one.place, other) if one.here else (other.place, one)
    where = f" ({first.offer.place})" if first.offer.place else ""
    second = one if first is other else other
    message = f"{second.offer.name} and {first.offer.name}{where} both want port {one.offer.port}: {why}"
    return Problem(place, message, "give one of them another x-ingress.host, path or published port")
