"""What the hosts said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.model.ingress import Belief, Served
from deploytool.model.intent import Resources

LOOP_RESTARTS = 3
LOOP_S = 10.0


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the host that a container publishes. ``ip`` is empty for all addresses."""

    port: int
    protocol: str = "tcp"
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """A container on a host, ours or not.

    ``state`` is Docker's: created, running, paused, restarting, removing, exited, dead. ``health`` is
    starting, healthy, unhealthy, or empty without a healthcheck. ``spec`` is the hash that it was made
    from, empty where we did not make it; ``keys`` are the hashes of the parts of that spec, by key.
    Times are seconds since the epoch by the host's clock, 0 where there is none. ``stop_grace_s`` is how
    long it may take to stop, None for Docker's default. ``network_of`` is the id of another container whose
    network it shares. ``let_go`` is a proxy that takes no connection any
    more; it ``lingers`` while it has some of before, and time for them.
    """

    id: str
    name: str
    state: str = "running"
    project: str = ""
    service: str = ""
    number: int = 0
    oneoff: bool = False
    spec: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    image_id: str = ""
    health: str = ""
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    restarts: int = 0
    created_s: float = 0.0
    started_s: float = 0.0
    stop_grace_s: float | None = None
    reserve: Resources = Resources()
    ports: tuple[HostPort, ...] = ()
    network_of: str = ""
    let_go: bool = False
    lingers: bool = False

    @property
    def ours(self) -> bool:
        return bool(self.spec)

    @property
    def replica(self) -> bool:
        """Ours, and one of its service's: not what ``docker compose run`` made, or what was let go."""
        return self.ours and not self.oneoff and not self.let_go

    @property
    def healthy(self) -> bool:
        """Does its work: runs, and no healthcheck says otherwise."""
        return self.state == "running" and self.health in ("", "healthy")

    @property
    def serves(self) -> bool:
        """May be among the endpoints of a service: a proxy sees for itself whether it is healthy."""
        return self.state == "running" and self.health != "starting"

    def loops(self, now_s: float) -> bool:
        """Whether it crashes again and again: it waits for its next start, or runs between two crashes.

        Docker, too, takes a crash for one of a loop when it comes within ten seconds of the start.
        """
        again = self.restarts >= LOOP_RESTARTS and 0 < self.started_s > now_s - LOOP_S
        return self.state == "restarting" or (
            self.state == "running" and self.health in ("", "starting") and again
        )


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """Something happened to a container, ours or not.

    ``action`` is Docker's word: create, start, die, oom, kill, stop, restart, pause, unpause, rename,
    health_status, destroy. ``health`` is set with health_status, ``exit_code`` with die. ``time_s`` is by the
    host's clock.
    """

    action: str
    id: str
    name: str = ""
    project: str = ""
    service: str = ""
    number: int = 0
    oneoff: bool = False
    spec: str = ""
    image: str = ""
    health: str = ""
    exit_code: int = 0
    signal: int = 0
    time_s: float = 0.0

    @property
    def ours(self) -> bool:
        return bool(self.spec)


@dataclass(frozen=True, slots=True)
class Facts:
    """The host itself. ``now_s`` is its clock, seconds since the epoch."""

    node_id: str = ""
    os: str = "linux"
    arch: str = "amd64"
    cpus: float = 0.0
    memory_bytes: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    docker: str = ""
    kernel: str = ""
    compose: str = ""
    now_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Lease:
    """The per-project lock on a host. ``owner`` is unique to a run; the rest is for people.

    ``expires_s`` is by the host's clock. A ``manual`` lease was taken by a person with a reason.
    ``process`` identifies the run on its machine, so that a dead one is told from a slow one there. One that
    ``yields`` is a watcher's: the run of a person or of CI takes it over at once.
    """

    owner: str
    who: str = ""
    reason: str = ""
    url: str = ""
    manual: bool = False
    yields: bool = False
    process: str = ""
    expires_s: float = 0.0


CONVERGED = "converged"


@dataclass(frozen=True, slots=True)
class Stamp:
    """The part of a release that no file says. ``when`` is UTC, ISO 8601 to the second."""

    when: str
    who: str
    commit: str


@dataclass(frozen=True, slots=True)
class Release:
    """What was converged at one time, as a host remembers it; or an attempt at it that failed.

    ``digest`` names the whole release (schedule, specs and files of every host): equal digest, nothing
    to record. ``placements`` maps service → host → replicas, over all members; ``data`` is the same of
    services with named volumes that have no replica now: where their last ones, and so their data, were.
    ``changed`` are the services that it changed. ``outcome`` is ``CONVERGED``, or a sentence about how the
    attempt ended.
    """

    number: int
    digest: str
    play: str = ""
    when: str = ""
    who: str = ""
    commit: str = ""
    outcome: str = ""
    placements: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    changed: tuple[str, ...] = ()

    @property
    def converged(self) -> bool:
        """Whether it came to be, so that one can go back to it."""
        return self.outcome == CONVERGED

    @property
    def members(self) -> tuple[str, ...]:
        """The hosts that hold something of the project, sorted."""
        return tuple(sorted({host for hosts in self.placements.values() for host, n in hosts.items() if n}))


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release as one host keeps it: ``compose`` is None where nothing was to run there."""

    release: Release
    compose: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ProjectFolder:
    """A project's folder on a host. ``compose_sha256`` is empty where there is no compose.yaml.

    ``release`` is the current one; ``latest`` the highest number of a release or attempt on record here.
    ``others`` are hosts, beside the members of the release, that may hold something of the project.
    """

    name: str
    compose_sha256: str = ""
    release: Release | None = None
    lease: Lease | None = None
    latest: int = 0
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedHost:
    """A host that answered.

    ``served`` is what its proxy was told, by project, and ``beliefs`` what it thinks. These change with every
    request, so two looks that differ in nothing else are equal.
    """

    facts: Facts = Facts()
    containers: tuple[Container, ...] = ()
    projects: Mapping[str, ProjectFolder] = field(default_factory=dict)
    served: Mapping[str, Served] = field(default_factory=dict)
    beliefs: tuple[Belief, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A host that did not answer. Unknown is not absent.

    ``setup`` is true where somebody has to set the host right first (host key, Docker, permission).
    """

    reason: str
    hint: str = ""
    setup: bool = False


Observed = Mapping[str, ObservedHost | Unreachable]
