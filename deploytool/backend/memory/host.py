"""A simulated host: its state, which outlives a run, and the interface of injected faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from deploytool.backend.base import KEPT_RELEASES
from deploytool.backend.memory.feeds import MemoryFeed
from deploytool.backend.retention import Records
from deploytool.errors import HostUnreachable
from deploytool.model.container import Container, ContainerEvent, ContainerState, Health
from deploytool.model.desired import Manifest
from deploytool.model.ingress import Served
from deploytool.model.log import Live, LogLine
from deploytool.model.observed import Facts
from deploytool.model.release import Lease, Release, StoredRelease
from deploytool.transport.base import Result


class Crash(BaseException):
    """The run dies at this place, as by ``kill -9``. Only tests may catch it."""


@dataclass(slots=True)
class Folder:
    """A project's folder on the host.

    ``staged``: the manifest that the next change will activate. ``possible_holders``: other possible holders.
    ``history``: the releases on record, by number. ``leaving``: the ids of containers that the current plan
    takes out of the endpoints.
    """

    manifest: Manifest | None = None
    staged: Manifest | None = None
    release: Release | None = None
    possible_holders: tuple[str, ...] = ()
    lease: Lease | None = None
    history: list[StoredRelease] = field(default_factory=list)
    leaving: set[str] = field(default_factory=set)

    @property
    def records(self) -> Records:
        """The numbers of the history."""
        numbers: tuple[list[int], list[int]] = ([], [])
        for one in self.history:
            numbers[one.manifest is None].append(one.release.number)
        return Records(*map(tuple, numbers))

    def remember(self, stored: StoredRelease) -> None:
        """Record a release or an attempt, and drop releases by the rule of retention."""
        number, current = stored.release.number, self.release.number if self.release else 0
        runs = stored.manifest is not None
        drop = self.records.to_drop(number, keep=KEPT_RELEASES, current=current, with_manifest=runs)
        kept = [old for old in self.history if old.release.number not in (number, *drop)]
        self.history = sorted((*kept, stored), key=lambda one: one.release.number)


Fault = Callable[[str, str, str], str]


def no_fault(host: str, verb: str, when: str) -> str:
    """The fault that never happens."""
    return ""


def no_command(container: Container, argv: Sequence[str], stdin: bytes) -> Result:
    """The result of a command that the container does not have: exit code 127."""
    return Result(127, stderr=f"{argv[0]}: not found\n".encode())


@dataclass(slots=True)
class MemoryHost:
    """The state of a simulated host, which outlives a run: containers, folders, images, and a clock.

    ``images``: those that can be pulled, None for all. ``sick``: images whose containers never get ready.
    ``unusable``: the reason for which Docker cannot be used, else empty. ``now_s``: the clock, which tests
    move. ``made``: the number of containers made so far. ``command``: the function that ``exec`` calls.
    ``written``: the log lines of the replicas, by time.
    """

    name: str
    facts: Facts = Facts(cpus=4, memory_bytes=8 * 1024**3)
    containers: list[Container] = field(default_factory=list)
    folders: dict[str, Folder] = field(default_factory=dict)
    served: dict[str, Served] = field(default_factory=dict)
    images: set[str] | None = None
    sick: set[str] = field(default_factory=set)
    reachable: bool = True
    unusable: str = ""
    now_s: float = 1_000_000.0
    made: int = 0
    command: Callable[[Container, Sequence[str], bytes], Result] = no_command
    feeds: list[MemoryFeed[ContainerEvent]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    written: list[LogLine] = field(default_factory=list)
    followers: list[MemoryFeed[LogLine | Live]] = field(default_factory=list)

    def write(self, line: LogLine) -> None:
        """Add a log line of a replica, and send it to the followers."""
        self.written.append(line)
        for follower in tuple(self.followers):
            follower.put(line)

    def happen(self, action: str, container: Container) -> None:
        """Send an event of a container to all event feeds."""
        event = ContainerEvent(
            action=action,
            id=container.id,
            name=container.name,
            project=container.project,
            service=container.service,
            number=container.number,
            oneoff=container.oneoff,
            spec=container.spec,
            image=container.image,
            health=container.health if action == "health_status" else Health.NONE,
            exit_code=container.exit_code if action == "die" else 0,
            time_s=self.now_s,
        )
        for feed in tuple(self.feeds):
            feed.put(event)

    def halt(self, container: Container, exit_code: int = 137) -> None:
        """End a container behind the engine's back, as ``docker kill`` does."""
        ended = replace(container, state=ContainerState.EXITED, exit_code=exit_code)
        self.containers = [ended if c.id == container.id else c for c in self.containers]
        self.happen("die", ended)

    def remove(self, container: Container) -> None:
        """Remove a container behind the engine's back, as ``docker rm --force`` does."""
        self.containers = [c for c in self.containers if c.id != container.id]
        self.happen("die", container)
        self.happen("destroy", container)

    def end_feeds(self, reason: str) -> None:
        """End all feeds with an error, as when the Docker engine stops or restarts."""
        error = HostUnreachable(reason, host=self.name)
        for feed in tuple(self.feeds):
            feed.fail(error)
        for follower in tuple(self.followers):
            follower.fail(error)

    def __post_init__(self) -> None:
        """Give the engine an id of its own, as Docker's have."""
        if not self.facts.node_id:
            self.facts = replace(self.facts, node_id=f"engine of {self.name}")
