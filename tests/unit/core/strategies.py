"""Fleets for tests: builders with short names, and hypothesis strategies that draw whole fleets.

``Fleet.apply`` plays the hosts' part: it makes the containers and the release that a perfect run of a
schedule would leave behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace

from hypothesis import strategies as st

from deploytool.model.container import Container, HostPort
from deploytool.model.desired import Desired
from deploytool.model.intent import (
    Constraint,
    Definition,
    Definitions,
    Mode,
    Port,
    Project,
    Resources,
    Service,
)
from deploytool.model.inventory import Connection, Host, HostState
from deploytool.model.observed import Facts, Observed, ObservedHost, ProjectFolder, Unreachable
from deploytool.model.release import Release

M = 1 << 20
SHOP = "shop"
LOST = Unreachable("no answer")


class NoDefinitions:
    """For projects of which only the schedule is of interest."""

    def on(self, host: Host, placements: Mapping[str, tuple[str, ...]]) -> Definition:
        return Definition({})


NO_DEFINITIONS: Definitions = NoDefinitions()


def make_host(name: str, **changes: object) -> Host:
    return replace(Host(name, Connection(name)), **changes)  # type: ignore[arg-type]


def make_project(hosts: Iterable[Host], services: Iterable[Service], name: str = SHOP) -> Project:
    return Project(
        name, f"site.yaml#{name}", name.title(), "all", tuple(hosts), tuple(services), NO_DEFINITIONS
    )


def make_container(
    service: str, number: int, *, project: str = SHOP, host: str = "", **changes: object
) -> Container:
    container = Container(
        f"{project}-{service}-{number}@{host}",
        f"{project}-{service}-{number}",
        project=project,
        service=service,
        number=number,
        spec="1:abc",
    )
    return replace(container, **changes)  # type: ignore[arg-type]


def make_release(number: int, counts: Mapping[tuple[str, str], int]) -> Release:
    placements: dict[str, dict[str, int]] = {}
    for (service, host), count in counts.items():
        placements.setdefault(service, {})[host] = count
    return Release(number, f"digest-{number}", placements=placements)


@dataclass(frozen=True, repr=False)
class Fleet:
    """A project and the hosts that it is about, as they are now."""

    project: Project
    observed: Observed

    def __repr__(self) -> str:
        """What differs from the usual, so that a failing example can be read."""
        lines = [f"{service.name}: {_unusual(service)}" for service in self.project.services]
        for host in self.hosts:
            seen = self.observed.get(host.name)
            held = [_unusual(c) for c in seen.containers] if isinstance(seen, ObservedHost) else seen
            lines.append(f"{_unusual(host)} holds {held}")
        return "\n".join(lines)

    @property
    def hosts(self) -> tuple[Host, ...]:
        return self.project.hosts

    @property
    def lost(self) -> frozenset[str]:
        return frozenset(host.name for host in self.hosts if host.name not in self.observed.answered())

    @property
    def on_paper(self) -> dict[tuple[str, str], int]:
        """(service, host) → replicas by the newest release on hosts that did not answer."""
        release = self.observed.newest_release(self.project.name)
        return {
            (service, host): number
            for service, hosts in (release.placements if release else {}).items()
            for host, number in hosts.items()
            if number > 0 and host not in self.observed.answered()
        }

    def running(self) -> dict[tuple[str, str], int]:
        """(service, host) → containers of the project's services on hosts that answer."""
        counts: dict[tuple[str, str], int] = {}
        services = {service.name for service in self.project.services}
        for host_name, container in self._containers():
            if container.service in services:
                key = (container.service, host_name)
                counts[key] = counts.get(key, 0) + 1
        return counts

    def _containers(self) -> Iterator[tuple[str, Container]]:
        for name, seen in self.observed.items():
            if isinstance(seen, ObservedHost):
                yield from ((name, c) for c in seen.containers if c.ours and c.project == self.project.name)

    def with_hosts(self, hosts: Iterable[Host]) -> Fleet:
        """The same with other hosts; the new ones are empty."""
        hosts = tuple(hosts)
        observed = {host.name: self.observed.get(host.name, ObservedHost()) for host in hosts}
        return Fleet(replace(self.project, hosts=hosts), self.observed.with_hosts(observed))

    def with_services(self, services: Iterable[Service]) -> Fleet:
        return replace(self, project=replace(self.project, services=tuple(services)))

    def without(self, *lost: str) -> Fleet:
        """The same after some hosts stopped to answer."""
        return replace(self, observed=self.observed.with_hosts(dict.fromkeys(lost, LOST)))

    def apply(self, desired: Desired) -> Fleet:
        """The same after a perfect run: hosts that answer hold what ``desired`` says, and a release tells."""
        number = 1 + max((self._release_number(seen) for seen in self.observed.values()), default=0)
        folder = ProjectFolder(SHOP, "sha", make_release(number, desired.counts))
        observed = {
            name: self._after(name, seen, desired, folder) if isinstance(seen, ObservedHost) else seen
            for name, seen in self.observed.items()
        }
        return replace(self, observed=Observed(observed))

    def _release_number(self, seen: ObservedHost | Unreachable) -> int:
        folder = seen.projects.get(self.project.name) if isinstance(seen, ObservedHost) else None
        return folder.release.number if folder and folder.release else 0

    def _after(self, name: str, seen: ObservedHost, desired: Desired, folder: ProjectFolder) -> ObservedHost:
        ours = [c for c in seen.containers if c.ours and c.project == self.project.name]
        others = [c for c in seen.containers if c not in ours]
        kept: list[Container] = []
        for service in self.project.services:
            own = sorted(
                (c for c in ours if c.service == service.name), key=lambda c: (not c.healthy, c.number)
            )
            own = own[: desired[service.name, name]]
            kept += [replace(c, state="running", health="", reserve=service.reserve) for c in own]
        for service in sorted(self.project.services, key=lambda s: any(p.first != p.last for p in s.ports)):
            missing = desired[service.name, name] - sum(c.service == service.name for c in kept)
            # What runs without the ports that are wanted now was made anew, too.
            remade = [c for c in kept if c.service == service.name and len(c.ports) != len(service.ports)]
            kept = [container for container in kept if container not in remade]
            for number in [*(c.number for c in remade), *range(1000, 1000 + missing)]:
                kept.append(self._started(service, number, name, [*others, *kept]))
        return replace(
            seen, containers=(*others, *kept), projects={**seen.projects, self.project.name: folder}
        )

    def _started(self, service: Service, number: int, host: str, beside: list[Container]) -> Container:
        ports: list[HostPort] = []
        for port in service.ports:
            taken = {(p.port, p.protocol) for c in beside for p in c.ports} | {
                (p.port, p.protocol) for p in ports
            }
            free = (n for n in range(port.first, port.last + 1) if (n, port.protocol) not in taken)
            ports.append(HostPort(next(free), port.protocol, port.ip))
        return make_container(service.name, number, host=host, reserve=service.reserve, ports=tuple(ports))


def _unusual(item: Service | Host | Container) -> dict[str, object]:
    defaults = {f.name: f.default for f in fields(item)}
    shown = {name: getattr(item, name) for name in defaults if getattr(item, name) != defaults[name]}
    return {name: value for name, value in shown.items() if value and name not in ("id", "connection")}


@dataclass(frozen=True)
class Limits:
    """How wild the drawn fleets are. ``tight`` ones have filters that refuse, so a schedule may not exist.

    Up to ``kinds`` hosts are drawn one by one; larger fleets have several of a kind.
    """

    hosts: int = 40
    kinds: int = 12
    services: int = 3
    replicas: int = 12
    tight: bool = True
    states: tuple[HostState, ...] = (HostState.ACTIVE,) * 5 + (HostState.PAUSE, HostState.DRAIN)
    lost: bool = True
    modes: tuple[Mode, ...] = (Mode.REPLICATED,) * 4 + tuple(Mode)
    volumes: bool = True
    names: tuple[str, ...] = field(default=("api", "cache", "db", "web"))


RACKS = ("a", "b", "c")


@st.composite
def hosts(draw: st.DrawFn, name: str, limits: Limits = Limits()) -> Host:
    rack = draw(st.sampled_from((*RACKS, "")))
    return make_host(
        name,
        labels={"zone": draw(st.sampled_from(("x", "y"))), **({"rack": rack} if rack else {})},
        state=draw(st.sampled_from(limits.states)),
        memory_bytes=draw(st.sampled_from((None, 256 * M, 512 * M))) if limits.tight else None,
        cpus=draw(st.sampled_from((None, None, 2.0))) if limits.tight else None,
    )


@st.composite
def services(draw: st.DrawFn, name: str, limits: Limits = Limits()) -> Service:
    service = Service(
        name,
        mode=draw(st.sampled_from(limits.modes)),
        replicas=draw(st.integers(0, limits.replicas)),
        spread=draw(
            st.sampled_from(((), (), ("node.labels.rack",), ("node.labels.zone", "node.labels.rack")))
        ),
    )
    if not limits.tight:
        return service
    zone = Constraint("node.labels.zone", draw(st.sampled_from(("==", "!="))), "x")
    return replace(
        service,
        constraints=draw(st.sampled_from(((), (), (zone,)))),
        max_per_host=draw(st.sampled_from((0, 0, 1, 3))),
        reserve=Resources(draw(st.sampled_from((0.0, 0.1))), draw(st.sampled_from((0, 64, 100))) * M),
        ports=draw(st.sampled_from(((), (), (Port(80, 80, 80),), (Port(80, 80, 83),)))),
        volumes=("data",) if limits.volumes and draw(st.integers(0, 5)) == 0 else (),
    )


@st.composite
def containers(draw: st.DrawFn, host: str, limits: Limits = Limits()) -> tuple[Container, ...]:
    """Some of ours in any state, some of another project, some that are not ours."""
    found: list[Container] = []
    for name in limits.names:
        for number in range(draw(st.sampled_from((0, 0, 1, 1, 2, 4)))):
            state = draw(st.sampled_from(("running", "running", "running", "exited", "restarting")))
            found.append(make_container(name, number, host=host, state=state))
    if limits.tight and draw(st.booleans()):
        found.append(make_container("x", 1, project="blog", host=host, reserve=Resources(0.5, 64 * M)))
    if limits.tight and draw(st.integers(0, 4)) == 0:
        found.append(Container(f"f-{host}", "nginx", ports=(HostPort(80),)))
    return tuple(found)


@st.composite
def fleets(draw: st.DrawFn, limits: Limits = Limits()) -> Fleet:
    """A fleet with up to ``limits.hosts`` hosts in any condition."""
    kinds_of_hosts = min(limits.kinds, limits.hosts)
    number = draw(st.integers(0, kinds_of_hosts) | st.integers(kinds_of_hosts, limits.hosts))
    names = [f"h{n:02}" for n in range(number)]
    chosen = draw(st.lists(st.sampled_from(limits.names), unique=True, min_size=1, max_size=limits.services))
    project = make_project(
        _several([draw(hosts(name, limits)) for name in names[: limits.kinds]], names),
        [draw(services(name, limits)) for name in chosen],
    )
    on_paper = {(service, name): 1 + index % 2 for index, name in enumerate(names) for service in chosen[:1]}
    folder = ProjectFolder(SHOP, "sha", make_release(3, on_paper))
    kinds: list[tuple[Container, ...] | None] = [
        None if limits.lost and draw(st.integers(0, 5)) == 0 else draw(containers(name, limits))
        for name in names[: limits.kinds]
    ]
    facts = Facts(cpus=4.0, memory_bytes=1024 * M)
    observed: dict[str, ObservedHost | Unreachable] = {}
    for index, name in enumerate(names):
        held = kinds[index * 5 % len(kinds)]
        observed[name] = LOST if held is None else ObservedHost(facts, _at(name, held), {SHOP: folder})
    return Fleet(project, Observed(observed))


def _several(kinds: list[Host], names: list[str]) -> list[Host]:
    return [replace(kinds[index * 7 % len(kinds)], name=name) for index, name in enumerate(names)]


def _at(host_name: str, held: tuple[Container, ...]) -> tuple[Container, ...]:
    """The same containers on another host: their ids say where they are."""
    return tuple(replace(container, id=f"{container.id}@{host_name}") for container in held)


@st.composite
def settled(draw: st.DrawFn, limits: Limits = Limits()) -> Fleet:
    """A fleet on which a schedule was made and applied, so that nothing is left to do."""
    from hypothesis import assume

    from deploytool.core.placement.schedule import schedule
    from deploytool.errors import NoHost

    fleet = draw(fleets(limits))
    try:
        return fleet.apply(schedule(fleet.project, fleet.observed))
    except NoHost:
        assume(False)
        raise
