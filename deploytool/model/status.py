"""The status of a playbook's projects: expected beside actual replicas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.errors import Problem
from deploytool.model.release import Lease, Release


@dataclass(frozen=True, slots=True)
class Row:
    """One service on one host, in numbers of replicas.

    ``expected``: by the schedule, None where there is none. All others are None where the host did not
    answer. ``healthy``, ``unhealthy`` and ``starting``: running replicas by their healthcheck.
    ``restarting``: replicas that Docker is about to restart. ``done``: completed jobs. ``current``: replicas
    made from the wanted spec. ``age_s``: the seconds since the youngest was started.
    """

    project: str
    service: str
    host: str
    expected: int | None
    running: int | None = None
    healthy: int | None = None
    unhealthy: int | None = None
    starting: int | None = None
    restarting: int | None = None
    done: int | None = None
    current: int | None = None
    age_s: float | None = None

    @property
    def state(self) -> str:
        """The worst that is true of: unreachable, restarting, unplanned, missing, surplus, unhealthy,
        starting, outdated, done, ok."""
        if self.running is None:
            return "unreachable"
        if self.restarting:
            return "restarting"
        if self.expected is None:
            return "unplanned"
        there = self.running + (self.done or 0)
        if there != self.expected:
            return "missing" if there < self.expected else "surplus"
        if self.unhealthy:
            return "unhealthy"
        if self.starting:
            return "starting"
        if (self.current or 0) < self.expected:
            return "outdated"
        return "done" if self.done and not self.running else "ok"


@dataclass(frozen=True, slots=True)
class Route:
    """The state of one endpoint of a service as the proxy of ``host`` reports it.

    ``endpoint``: another host, or a container on ``host``. ``active``: requests in progress.
    """

    host: str
    service: str
    endpoint: str
    active: int
    trouble: str

    @property
    def state(self) -> str:
        return self.trouble or "healthy"


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease and the hosts on which it is held. ``seconds_left``: the least, by each host's clock."""

    lease: Lease
    hosts: tuple[str, ...]
    seconds_left: float


@dataclass(frozen=True, slots=True)
class ProjectStatus:
    """A project's newest release on any host, its leases, and the number of steps of its plan."""

    name: str
    release: Release | None = None
    leases: tuple[HeldLease, ...] = ()
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """The whole status. ``problems``: the reasons for which no plan could be made."""

    rows: tuple[Row, ...] = ()
    projects: tuple[ProjectStatus, ...] = ()
    routes: tuple[Route, ...] = ()
    unreachable: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def pending(self) -> bool:
        """True if the plan has steps, or could not be made."""
        return bool(self.problems) or any(project.steps for project in self.projects)
