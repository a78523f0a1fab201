"""What a watcher knows at one moment, for pages and metrics: immutable, without secrets, ready to print.

Times are seconds since the epoch: of containers by their host's clock, of all else by the watcher's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.model.event import Level
from deploytool.model.inventory import HostState
from deploytool.model.release import Lease, Release
from deploytool.model.str_enum import StrEnum


@dataclass(frozen=True, slots=True)
class WatchedHost:
    """A host. ``reachable`` None: not looked at yet. ``reason`` says why it does not answer.

    ``since_s`` is when it fell silent, 0 where it answers, ``looked_s`` when it was last looked at. ``state``
    is the inventory's, ``follows`` whether its events arrive. ``doubtful``: many
    replicas failed there, so it is chosen last.
    """

    name: str
    reachable: bool | None = None
    reason: str = ""
    since_s: float = 0.0
    looked_s: float = 0.0
    state: HostState = HostState.ACTIVE
    follows: bool = False
    doubtful: bool = False


class ReplicaState(StrEnum):
    """The state of a replica: of its healthcheck while it runs, else of its container."""

    HEALTHY = "healthy"
    RUNNING = "running"  # it has no healthcheck
    STARTING = "starting"
    UNHEALTHY = "unhealthy"
    DONE = "done"  # a job that ended well
    CREATED = "created"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"
    UNKNOWN = "unknown"  # Docker used another word


@dataclass(frozen=True, slots=True)
class WatchedReplica:
    """A container of ours.

    ``since_s`` is when it was started, 0 where it never was. ``current``: of the wanted definition.
    ``rests_s`` is until when it is left alone after failures, 0 where it is not; ``why`` says what was wrong.
    """

    id: str
    name: str
    project: str
    service: str
    host: str
    state: ReplicaState
    since_s: float = 0.0
    current: bool = True
    restarts: int = 0
    failures: int = 0
    rests_s: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class WatchedService:
    """A service on all hosts. ``desired`` maps host → replicas wanted there, without zeros.

    ``rests_s`` and ``why``: until when the service is left alone, and what for; 0 and empty where it is not.
    """

    project: str
    name: str
    desired: Mapping[str, int] = field(default_factory=dict)
    running: Mapping[str, int] = field(default_factory=dict)
    healthy: Mapping[str, int] = field(default_factory=dict)
    image: str = ""
    rests_s: float = 0.0
    why: str = ""

    @property
    def wanted(self) -> int:
        return sum(self.desired.values())


@dataclass(frozen=True, slots=True)
class WatchedProject:
    """A project: the newest release that a host remembers, and the leases that are held, by host.

    ``drift`` are the lines of the plan that is still to be done; empty where all is as it should be.
    ``waits`` says why the watcher does not touch it, or why it is not as its files say: another run's lease,
    other files, a refusal, an update that was taken back. ``rests``: something failed, differs, and is left
    alone for now.
    """

    name: str
    play: str = ""
    release: Release | None = None
    leases: Mapping[str, Lease] = field(default_factory=dict)
    drift: tuple[str, ...] = ()
    waits: str = ""
    rests: bool = False

    @property
    def as_wanted(self) -> bool:
        """Nothing differs from what the files say, on the hosts that answer."""
        return not (self.drift or self.waits or self.rests)


@dataclass(frozen=True, slots=True)
class Action:
    """Something that happened: a step done or failed, a host lost or back, files read anew."""

    when_s: float
    text: str
    host: str = ""
    project: str = ""
    service: str = ""
    level: Level = Level.INFO


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted since the watcher began. ``converges`` by outcome: ok, failed, held, refused, lost.

    ``seconds`` are the bounds of ``DURATIONS_S`` → how many converges took no longer, beside their sum.
    ``drifts``, ``steps`` and ``failures`` are by (project, service), ``events`` by host.
    """

    converges: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[float, int] = field(default_factory=dict)
    seconds_sum: float = 0.0
    drifts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    steps: Mapping[tuple[str, str], int] = field(default_factory=dict)
    failures: Mapping[tuple[str, str], int] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)
    looks: int = 0
    reloads: int = 0


DURATIONS_S = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of it. ``version`` grows with each one that is published; ``now_s`` is when it was taken.

    ``ready``: every host was looked at once, or failed to answer. ``problem`` is why the files that are there
    now are not used, empty where they are. ``converging``: a change is under way. ``actions`` are the last
    ones, oldest first. ``last_success_s`` is when last nothing differed, or a change went well.
    """

    version: int = 0
    now_s: float = 0.0
    begun_s: float = 0.0
    ready: bool = False
    converging: bool = False
    problem: str = ""
    hosts: tuple[WatchedHost, ...] = ()
    projects: tuple[WatchedProject, ...] = ()
    services: tuple[WatchedService, ...] = ()
    replicas: tuple[WatchedReplica, ...] = ()
    actions: tuple[Action, ...] = ()
    counts: Counts = Counts()
    last_success_s: float = 0.0
    last_converge_s: float = 0.0

    @property
    def whole(self) -> bool:
        """All hosts answer and nothing differs."""
        return (
            self.ready
            and all(host.reachable for host in self.hosts)
            and all(project.as_wanted for project in self.projects)
        )
