"""Where a playbook's projects stand: expected beside actual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.errors import Problem
from deploytool.model.release import Lease, Release


@dataclass(frozen=True, slots=True)
class Row:
    """One service on one host. ``expected`` is the schedule, None where none could be made.

    The rest is what the host says, None where it did not answer: ``running`` counts the replicas that run,
    ``healthy``, ``unhealthy`` and ``starting`` them by their healthcheck, ``restarting`` those that Docker
    tries again, ``done`` jobs that ended well, ``current`` those of the wanted definition. ``age_s`` is for
    how long the youngest has been running.
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
        """One word: ok, done, unreachable, unplanned, restarting, missing, surplus, unhealthy, starting or
        outdated; the worst where several are true."""
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
    """What the proxy of a host thinks of one endpoint of a service: another host, or a container there."""

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
    """A lease that somebody holds, and where. ``seconds_left`` is the least, by the clocks of the hosts."""

    lease: Lease
    hosts: tuple[str, ...]
    seconds_left: float


@dataclass(frozen=True, slots=True)
class ProjectStanding:
    """A project's newest release that a host remembers, who is at work, and how many steps are to be done."""

    name: str
    release: Release | None = None
    leases: tuple[HeldLease, ...] = ()
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """All of it. ``problems`` are why no plan could be made."""

    rows: tuple[Row, ...] = ()
    projects: tuple[ProjectStanding, ...] = ()
    routes: tuple[Route, ...] = ()
    unreachable: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def pending(self) -> bool:
        """Whether something is to be done, as far as is known."""
        return bool(self.problems) or any(project.steps for project in self.projects)
