"""The plan: a DAG of steps, each with its cause."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from deploytool.model.desired import Desired, HostFiles
from deploytool.model.intent import Intent, Project, ProjectKind
from deploytool.model.policies import UpdateOrder
from deploytool.model.release import Release
from deploytool.model.str_enum import StrEnum


class StepKind(StrEnum):
    """The kinds of steps, with their words in reports: ``doing`` while a step runs, ``done`` after it.

    Every kind is idempotent. Two barriers hold regardless of a step's ``needs``: no other step of the plan
    starts before all ``PREPARE`` steps are done, and no ``RECORD`` before all other steps of its project are.
    """

    doing: str
    done: str

    def __new__(cls, word: str, doing: str, done: str) -> StepKind:
        kind = str.__new__(cls, word)
        kind._value_, kind.doing, kind.done = word, doing, done
        return kind

    # Takes the lease, stages and checks the files, pulls the images; changes no container.
    PREPARE = "prepare", "preparing files and images", "files and images are ready"
    # Starts new replicas, beside the old ones.
    START = "start", "starting", "ready"
    # Starts existing containers again.
    RESTART = "restart", "restarting", "ready again"
    # Stops and removes containers, by id.
    STOP = "stop", "stopping", "stopped"
    # Configures the endpoints of the host's proxy.
    ENDPOINTS = "endpoints", "changing endpoints", "endpoints changed"
    # Waits until the proxy has no request in progress to these containers.
    DRAIN = "drain", "draining", "drained"
    # Writes the definition and the release, and releases the lease.
    RECORD = "record", "recording", "recorded"


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to a container."""

    id: str
    name: str


class GateGoal(StrEnum):
    """The state that a started replica has to reach."""

    READY = "ready"  # its healthcheck passes; without one, it runs and is not restarted
    COMPLETED = "completed"  # it exits with 0
    NONE = "none"  # it was started; a watcher follows its health


@dataclass(frozen=True, slots=True)
class Gate:
    """The condition for a started replica before the next step: the goal ``until`` within ``deadline_s``.

    The replica then has to keep that state for another ``hold_s`` seconds.
    """

    until: GateGoal
    deadline_s: float
    hold_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One change on one host. ``needs``: the ids of the steps that come first.

    ``count``: the replicas that the step starts, restarts or stops; a start of 0 only waits until those of
    the wanted spec are ready. ``total``: for a start, the containers of the service on the host afterwards; a
    sum, so that the step is idempotent. ``replaces``: the step is a part of a replacement; ``changes``: the
    keys of the spec that differ then. ``remotes``: for endpoints, (host, new weight) pairs; 0 removes a host.
    ``grace_s``: the time to stop. ``delay_s``: the pause after the steps in ``needs``. Steps of a ``wave``
    start after all steps of the earlier ones.
    """

    id: str
    kind: StepKind
    host: str
    project: str
    cause: str
    service: str = ""
    count: int = 0
    total: int = 0
    containers: tuple[Ref, ...] = ()
    changes: tuple[str, ...] = ()
    gate: Gate | None = None
    grace_s: float = 10.0
    delay_s: float = 0.0
    needs: tuple[str, ...] = ()
    replaces: bool = False
    remotes: tuple[tuple[str, int], ...] = ()
    wave: int = 0

    @property
    def starts(self) -> bool:
        """True if it starts replicas that do not replace others."""
        return self.kind in (StepKind.START, StepKind.RESTART) and not self.replaces

    @property
    def stops(self) -> bool:
        """True if it stops replicas that are not replaced."""
        return self.kind is StepKind.STOP and not self.replaces


@dataclass(frozen=True, slots=True)
class ProjectPlan:
    """The plan of one project. ``files``: the desired files of each host that a step changes.

    ``release``: the release that the run will record. ``repairs``: it is on record already, and the plan only
    repairs drift from it. ``backing_off``: further differences are not changed now, because of back-off.
    ``notes``: remarks for people. ``specs``: (service, host) → digest of the wanted spec.
    ``possible_holders``: hosts without replicas that may hold a part of the project after the plan.
    ``possible_holders_meanwhile``: all that may until then.
    """

    project: str
    pattern: str
    hosts: tuple[str, ...]
    desired: Desired
    steps: tuple[Step, ...] = ()
    files: Mapping[str, HostFiles] = field(default_factory=dict, repr=False)
    release: Release | None = None
    repairs: bool = False
    backing_off: bool = False
    summaries: tuple[ServiceSummary, ...] = ()
    notes: tuple[str, ...] = ()
    specs: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)
    kind: ProjectKind = ProjectKind.SERVICES
    possible_holders: tuple[str, ...] = ()
    possible_holders_meanwhile: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """The summary of one service: its image before and after (equal if unchanged), and its update policy.

    ``in_place``: replicas that need no change. ``rolled``: replicas are replaced. ``removed``: the service is
    not in the playbook any more.
    """

    service: str
    replicas: int
    in_place: int
    image: str
    image_before: str = ""
    order: UpdateOrder = UpdateOrder.STOP_FIRST
    parallelism: int = 1
    rolled: bool = False
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of replicas to start, to replace and to stop, and of the hosts that change."""

    start: int
    replace: int
    stop: int
    hosts: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run: its projects in playbook order. False as a condition when it has no steps.

    ``proxies``: the project of the hosts' proxies, None without ingress. ``began``: project → the schedule
    from which moves for balance count.
    """

    projects: tuple[ProjectPlan, ...] = ()
    notes: tuple[str, ...] = ()
    proxies: Project | None = field(default=None, repr=False)
    began: Mapping[str, Desired] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return any(project.steps for project in self.projects)

    @property
    def counts(self) -> Counts:
        """The numbers of replicas that change."""
        changes = [
            step for step in self.steps if step.kind in (StepKind.START, StepKind.RESTART, StepKind.STOP)
        ]
        return Counts(
            start=sum(step.count for step in changes if step.starts),
            replace=sum(step.count for step in changes if step.replaces and step.kind is StepKind.STOP),
            stop=sum(step.count for step in changes if step.stops),
            hosts=len({step.host for step in changes}),
        )

    @property
    def steps(self) -> Iterator[Step]:
        return (step for project in self.projects for step in project.steps)

    def whole(self, intent: Intent) -> Intent:
        """The intent with the project of the proxies first, where the plan has one."""
        return replace(intent, projects=(self.proxies, *intent.projects)) if self.proxies else intent

    def without(self, done: Collection[str]) -> Plan:
        """The plan without the steps with these ids."""
        gone = set(done)
        left = (
            replace(project, steps=tuple(step for step in project.steps if step.id not in gone))
            for project in self.projects
        )
        return replace(self, projects=tuple(left))
