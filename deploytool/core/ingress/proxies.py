"""The proxies: the hosts that need one, the ports that each publishes, and the clashes of these."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploytool.core.ingress.offers import Clash, Offered, clashes, offered, offered_by_others
from deploytool.core.placement.capacity import Claim, holds_ports
from deploytool.errors import Problem
from deploytool.model.desired import Desired
from deploytool.model.ingress import HOLDER, INGRESS_PROJECT, PROXY, IngressProtocol, ProxySettings
from deploytool.model.intent import Intent, Mode, Port, Project, Service
from deploytool.model.inventory import Host, HostState
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.policies import RestartKind, RestartPolicy, Update, UpdateOrder


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of a run. ``ports`` are what each host's proxy publishes, ``offers`` those of each project.

    ``holders`` are the images of the holders that run, by host: a holder stays what it is until its ports
    change, so that a proxy can be replaced beside it. ``old_kernels`` are the hosts whose Linux cannot hand
    a connection that was not accepted yet to the proxy beside.
    """

    settings: ProxySettings
    hosts: tuple[Host, ...] = ()
    ports: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    holders: Mapping[str, str] = field(default_factory=dict)
    old_kernels: frozenset[str] = frozenset()
    offers: Mapping[str, tuple[Offered, ...]] = field(default_factory=dict)
    clashes: tuple[Clash, ...] = ()

    @property
    def services(self) -> tuple[Service, ...]:
        """The holder goes before it comes, since its ports can be held once; the proxy comes first."""
        common = Service(
            "", mode=Mode.GLOBAL, update=Update(monitor_s=1.0), restart=RestartPolicy(RestartKind.ALWAYS)
        )
        first = replace(common.update, order=UpdateOrder.START_FIRST)
        return (replace(common, name=HOLDER, stop_grace_s=2.0), replace(common, name=PROXY, update=first))

    def claim(self, project: Project) -> Claim:
        """The ports as the scheduler sees them: a service for each set of them."""
        sets = sorted(set(self.ports.values()))
        services = tuple(
            Service(f"ports {number}", ports=tuple(Port(port, port, port) for port in ports))
            for number, ports in enumerate(sets)
        )
        counts = {(f"ports {sets.index(ports)}", host): 1 for host, ports in self.ports.items()}
        return Claim(replace(project, services=services), Desired(project.name, counts))


def concerned(intent: Intent, observed: Observed) -> bool:
    """True where a run has to plan ingress: its projects use it, or a host has on record that they did."""
    names = {project.name for project in intent.projects}
    if any(service.exposure for project in intent.projects for service in project.services):
        return True
    return any(names & {*host.served} for host in observed.answered().values())


def proxies_of(intent: Intent, observed: Observed) -> Proxies:
    """The proxies that the projects of this run and those that the hosts remember need together."""
    offers: dict[str, tuple[Offered, ...]] = {}
    for project in intent.projects:
        taken = {one.offer.mesh for found in offers.values() for one in found}
        offers[project.name] = offered(project, observed, taken)
    others = offered_by_others(observed, offers)
    everything = [*(one for found in offers.values() for one in found), *others]
    using = [project for project in intent.projects if offers[project.name]]
    settings = using[0].proxy_settings if using else _as_they_are(others, observed)
    fixed = (settings.mesh[0], settings.metrics_port)
    ports: dict[str, set[int]] = {}
    for one in everything:
        for host_name in one.hosts:
            ports.setdefault(host_name, set()).update((one.offer.port, one.offer.mesh, *fixed))
    hosts = _hosts(intent, ports)
    published = {host.name: tuple(sorted(ports[host.name] - {0})) for host in hosts}
    return Proxies(
        settings=settings,
        hosts=hosts,
        ports=published,
        holders=_images(observed, HOLDER),
        old_kernels=frozenset(name for name, host in observed.answered().items() if _has_old_kernel(host)),
        offers=offers,
        clashes=(*clashes(everything), *_unequal(using), *_taken(published, everything, observed)),
    )


def _hosts(intent: Intent, ports: Mapping[str, set[int]]) -> tuple[Host, ...]:
    """A drained or paused host answers on: requests that reach it go to the others, as in Swarm."""
    of_plays = {host.name: host for project in intent.projects for host in project.hosts}
    known = {**intent.inventory.hosts, **of_plays}
    return tuple(replace(known[name], state=HostState.ACTIVE) for name in known if name in ports)


def _as_they_are(others: Sequence[Offered], observed: Observed) -> ProxySettings:
    """The settings of proxies that only other playbooks need: as they run, since these files say nothing."""
    images = sorted(_images(observed, PROXY).values())
    default = ProxySettings()
    first = min(
        (one.offer.mesh for one in others if one.offer.protocol != IngressProtocol.TCP),
        default=default.mesh[0],
    )
    return replace(default, image=images[0] if images else default.image, mesh=(first, first + 99))


def _images(observed: Observed, service: str) -> dict[str, str]:
    """Host → the image that one of the two services of its proxy runs."""
    return {
        host_name: container.image for host_name, container in observed.replicas(INGRESS_PROJECT, service)
    }


def _has_old_kernel(host: ObservedHost) -> bool:
    """True for a kernel without ``net.ipv4.tcp_migrate_req``: Docker refuses a container that sets it."""
    said = re.match(r"(\d+)\.(\d+)", host.facts.kernel)
    return said is not None and (int(said[1]), int(said[2])) < (5, 14)


def _unequal(projects: Sequence[Project]) -> Iterator[Clash]:
    """Plays that share a host share its proxy, so they have to want the same one."""
    first = projects[0] if projects else None
    for project in projects[1:]:
        if first and project.proxy_settings != first.proxy_settings:
            message = f"{project.name} and {first.name} want different proxies: 'ingress' differs"
            place = project.proxy_settings.place if project.proxy_settings.place.file else project.place
            yield Clash(frozenset((project.name, first.name)), Problem(place, message, _SAME))


_SAME = "write the same 'ingress' in all plays, best from one variable"


def _taken(
    published: Mapping[str, Sequence[int]], offers: Sequence[Offered], observed: Observed
) -> Iterator[Clash]:
    """Ports that something else holds: a container that is not ours, or one of a project that stays."""
    told = set()
    for host_name, ports in published.items():
        host = observed.answered().get(host_name)
        for container in host.containers if host else ():
            held = {port.port for port in container.ports if port.protocol == "tcp"}
            if container.of_ingress or container.ours or not holds_ports(container):
                continue
            for port in sorted(held.intersection(ports)):
                uses = (one for one in offers if port in (one.offer.port, one.offer.mesh))
                wanting = next((one for one in uses if one.here), None)
                if wanting and (port, container.name) not in told:
                    told.add((port, container.name))
                    message = f"{wanting.offer.name}: port {port} of {host_name} is held by {container.name}"
                    problem = Problem(wanting.place, message, "stop that container, or publish another port")
                    yield Clash(frozenset([wanting.offer.project]), problem)
