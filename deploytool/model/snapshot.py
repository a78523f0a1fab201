"""The snapshot of a watcher's state for its page and metrics: immutable, without secrets, safe to display.

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
    """A host. ``reachable``: None before it was first observed. ``reason``: why it is unreachable.

    ``since_s``: since when it is unreachable, 0 while it is not. ``looked_s``: when it was last observed.
    ``state``: that of the inventory. ``follows``: its events arrive. ``doubtful``: many replicas failed
    there, so that scheduling prefers other hosts.
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
    """A replica.

    ``since_s``: when it was started, 0 if never. ``current``: it was made from the wanted spec.
    ``backoff_until_s``: the end of its back-off, 0 without; ``why``: the cause of the back-off.
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
    backoff_until_s: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class WatchedService:
    """A service on all hosts. ``desired``, ``running``, ``healthy``: host → replicas, without zeros.

    ``backoff_until_s``: the end of its back-off, 0 without; ``why``: the cause of the back-off.
    """

    project: str
    name: str
    desired: Mapping[str, int] = field(default_factory=dict)
    running: Mapping[str, int] = field(default_factory=dict)
    healthy: Mapping[str, int] = field(default_factory=dict)
    image: str = ""
    backoff_until_s: float = 0.0
    why: str = ""

    @property
    def wanted(self) -> int:
        return sum(self.desired.values())


@dataclass(frozen=True, slots=True)
class WatchedProject:
    """A project: its newest release on any host, and its leases by host.

    ``drift``: the lines of the plan that would repair it, empty without drift. ``waits``: the reason for
    which the watcher does not change it or keeps it unlike its files: another run's lease, other files, a
    refusal, an update that was rolled back. ``backing_off``: a part of it differs and backs off after
    failures.
    """

    name: str
    play: str = ""
    release: Release | None = None
    leases: Mapping[str, Lease] = field(default_factory=dict)
    drift: tuple[str, ...] = ()
    waits: str = ""
    backing_off: bool = False

    @property
    def as_wanted(self) -> bool:
        """True if it agrees with its files on all hosts that answer."""
        return not (self.drift or self.waits or self.backing_off)


@dataclass(frozen=True, slots=True)
class Action:
    """An entry of the activity log: a step done or failed, a host lost or back, files reloaded."""

    when_s: float
    text: str
    host: str = ""
    project: str = ""
    service: str = ""
    level: Level = Level.INFO


@dataclass(frozen=True, slots=True)
class Counts:
    """Counters since the start of the watcher. ``converges``: by outcome (ok, failed, held, refused, lost).

    ``seconds``: a histogram of their durations: each bound of ``DURATIONS_S`` → the number of converges that
    took no longer. ``seconds_sum``: the sum of durations. ``drifts``, ``steps``, ``failures``: by (project,
    service). ``events``: by host.
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
    """The whole state. ``version``: increases with each published snapshot. ``now_s``: when it was taken.

    ``begun_s``: the start of the watcher. ``ready``: every host was observed once or found unreachable.
    ``converging``: a change is in progress. ``problem``: why the current files are not in use, empty where
    they are. ``actions``: the latest ones, oldest first. ``last_success_s``: the last time without drift, or
    of a successful change.
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
        """True if all hosts answer and all projects agree with their files."""
        return (
            self.ready
            and all(host.reachable for host in self.hosts)
            and all(project.as_wanted for project in self.projects)
        )
