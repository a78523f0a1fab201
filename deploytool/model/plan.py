"""The plan: a DAG of steps, each with the reason it exists."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from deploytool.model.desired import Desired, HostFiles
from deploytool.model.intent import Intent, Project
from deploytool.model.policies import UpdateOrder
from deploytool.model.release import Release
from deploytool.model.str_enum import StrEnum


class StepKind(StrEnum):
    """The kinds of steps, each with its words in reports: while it goes on (``doing``), and when it has ended
    (``done``). Every kind is safe to repeat.

    Two barriers hold whatever a step's ``needs`` say: nothing else begins, in any project of the plan, before
    all ``PREPARE`` steps are done, and no ``RECORD`` of a project before all of its other steps are.
    """

    doing: str
    done: str

    def __new__(cls, word: str, doing: str, done: str) -> StepKind:
        kind = str.__new__(cls, word)
        kind._value_, kind.doing, kind.done = word, doing, done
        return kind

    # Takes the lease, stages and checks the files, pulls the images; changes no container.
    PREPARE = "prepare", "preparing files and images", "files and images are ready"
    # New replicas beside the old ones.
    START = "start", "starting", "ready"
    # The same containers, running again.
    RESTART = "restart", "restarting", "ready again"
    # Stops and removes containers, by id.
    STOP = "stop", "stopping", "stopped"
    # The host's proxy sends requests to the endpoints of the plan.
    ENDPOINTS = "endpoints", "changing endpoints", "endpoints changed"
    # Waits until the proxy has no request under way to these containers.
    DRAIN = "drain", "draining", "drained"
    # The definition in place, the release on record, the lease given back.
    RECORD = "record", "recording", "recorded"


@dataclass(frozen=True, slots=True)
class Ref:
    """A container as a step names it."""

    id: str
    name: str


class GateGoal(StrEnum):
    """What a started replica has to reach."""

    READY = "ready"  # its healthcheck passes; without one, it runs and is not restarted
    COMPLETED = "completed"  # it exits with 0
    NONE = "none"  # it was started; what becomes of it is watched elsewhere


@dataclass(frozen=True, slots=True)
class Gate:
    """A started replica has to reach its goal within ``deadline_s`` seconds before the next step begins.

    Then it has to stay so for ``hold_s`` seconds more.
    """

    until: GateGoal
    deadline_s: float
    hold_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One change on one host. ``needs`` are the ids of the steps that come first.

    ``count`` is how many replicas the step starts, restarts or stops; a start of 0 only waits until those
    of the wanted spec are ready. ``total`` is, for a start, how many
    containers of the service the host holds afterwards: stated as a sum so that repeating it is harmless.
    ``changes`` are the keys of the spec that differ, where the step is half of a replacement. ``remotes``
    are, for endpoints, the hosts whose weight changes, with the new one; 0 takes a host out. Steps of a
    later ``wave`` begin when all of the earlier ones have ended.
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
        """Whether it makes replicas run that take nobody's place."""
        return self.kind in (StepKind.START, StepKind.RESTART) and not self.replaces

    @property
    def stops(self) -> bool:
        """Whether it takes replicas away that nobody takes the place of."""
        return self.kind is StepKind.STOP and not self.replaces


@dataclass(frozen=True, slots=True)
class ProjectPlan:
    """What one project needs. ``files`` are what each host should hold, for hosts that a step writes to.

    ``release`` is what the run will record. ``notes`` are sentences for people: why a surge fell back,
    which host left the inventory. ``specs`` are the wanted specs by (service, host). ``repairs``: the release
    is on record already, so nothing but what it says is brought back. ``rests``: more differs, and is left
    alone for now. ``others`` are hosts, beside those with replicas, that may hold something of the project
    when all is done; ``others_meanwhile`` all that may until then.
    """

    project: str
    pattern: str
    hosts: tuple[str, ...]
    desired: Desired
    steps: tuple[Step, ...] = ()
    files: Mapping[str, HostFiles] = field(default_factory=dict, repr=False)
    release: Release | None = None
    repairs: bool = False
    rests: bool = False
    summaries: tuple[ServiceSummary, ...] = ()
    notes: tuple[str, ...] = ()
    specs: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)
    others: tuple[str, ...] = ()
    others_meanwhile: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """The line about one service: images before and after (equal where nothing changed), and the policy.

    ``removed``: the service is not in the playbook any more.
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
    """Replicas to start, to replace and to stop, on so many hosts."""

    start: int
    replace: int
    stop: int
    hosts: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All projects of a run, in playbook order. Falsy when there is nothing to do.

    ``proxies``: the project of the hosts' proxies, where the run needs it. ``began``: the schedules
    from which moves for balance count, by project.
    """

    projects: tuple[ProjectPlan, ...] = ()
    notes: tuple[str, ...] = ()
    proxies: Project | None = field(default=None, repr=False)
    began: Mapping[str, Desired] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return any(project.steps for project in self.projects)

    @property
    def counts(self) -> Counts:
        """What happens to replicas, in numbers."""
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
        """The intent with the proxies that this plan needs as its first project."""
        return replace(intent, projects=(self.proxies, *intent.projects)) if self.proxies else intent

    def without(self, done: Collection[str]) -> Plan:
        """The plan without the steps that are done, by their ids."""
        gone = set(done)
        left = (
            replace(project, steps=tuple(step for step in project.steps if step.id not in gone))
            for project in self.projects
        )
        return replace(self, projects=tuple(left))
