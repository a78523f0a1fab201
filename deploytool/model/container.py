"""Containers as a host reports them, and their events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.model.ingress import INGRESS_PROJECT
from deploytool.model.intent import Resources
from deploytool.model.str_enum import StrEnum

LOOP_RESTARTS = 3
LOOP_S = 10.0


class ContainerState(StrEnum):
    """The state of a container, in Docker's words."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"
    UNKNOWN = "unknown"  # Docker used another word


class Health(StrEnum):
    """The state of a container's healthcheck, in Docker's words; empty without one."""

    NONE = ""
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


# A fleet has many containers, and before Python 3.12 a member is slow to get from its class.
_RUNNING, _EXITED, _RESTARTING = ContainerState.RUNNING, ContainerState.EXITED, ContainerState.RESTARTING
_STARTING, _WELL, _UNPROVEN = Health.STARTING, (Health.NONE, Health.HEALTHY), (Health.NONE, Health.STARTING)


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the host that a container publishes. ``ip`` is empty for all addresses."""

    port: int
    protocol: str = "tcp"
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """A container on a host, ours or not.

    ``spec`` is the hash that it was made from, empty where we did not make it; ``keys`` are the hashes of
    the parts of that spec, by key.
    Times are seconds since the epoch by the host's clock, 0 where there is none. ``stop_grace_s`` is how
    long it may take to stop, None for Docker's default. ``network_of`` is the id of another container whose
    network it shares. ``let_go`` is a proxy that takes no connection any
    more; it ``lingers`` while it has some of before, and time for them.
    """

    id: str
    name: str
    state: ContainerState = ContainerState.RUNNING
    project: str = ""
    service: str = ""
    number: int = 0
    oneoff: bool = False
    spec: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    image_id: str = ""
    health: Health = Health.NONE
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
    def of_ingress(self) -> bool:
        """Part of a proxy."""
        return self.project == INGRESS_PROJECT

    @property
    def running(self) -> bool:
        return self.state == _RUNNING

    @property
    def exited(self) -> bool:
        return self.state == _EXITED

    @property
    def starting(self) -> bool:
        """Its healthcheck has not passed yet."""
        return self.health == _STARTING

    @property
    def completed(self) -> bool:
        """Ran to its end, with exit code 0."""
        return self.exited and self.exit_code == 0

    @property
    def healthy(self) -> bool:
        """Does its work: runs, and no healthcheck says otherwise."""
        return self.state == _RUNNING and self.health in _WELL

    @property
    def serves(self) -> bool:
        """May be among the endpoints of a service: a proxy sees for itself whether it is healthy."""
        return self.state == _RUNNING and not self.starting

    def loops(self, now_s: float) -> bool:
        """A crash loop: it waits for its next start, or runs between two crashes, by the host's clock.

        Docker, too, takes a crash for one of a loop when it comes within ten seconds of the start.
        """
        again = self.restarts >= LOOP_RESTARTS and 0 < self.started_s > now_s - LOOP_S
        return self.state == _RESTARTING or (again and self.running and self.health in _UNPROVEN)


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
    health: Health = Health.NONE
    exit_code: int = 0
    signal: int = 0
    time_s: float = 0.0

    @property
    def ours(self) -> bool:
        return bool(self.spec)
