"""The interface to the systems that run containers: a ``Backend`` observes, plans, and performs steps.

Each step has a target, given by its name: a host for the backends here. Any thread may call any method,
several at a time. A stream (``Feed``, ``Stream``) does not block other calls; any thread may close it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from deploytool.errors import ManyProblems
from deploytool.model.container import ContainerEvent
from deploytool.model.desired import Desired, HostFiles
from deploytool.model.event import Event
from deploytool.model.intent import Intent, Project, ProjectKind
from deploytool.model.inventory import Host
from deploytool.model.log import Live, LogLine, LogQuery
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.plan import Plan, Step
from deploytool.model.release import Lease, Release, StoredRelease
from deploytool.plan.manifest_reader import ManifestReader
from deploytool.transport.base import Stream, Terminal

if TYPE_CHECKING:  # planning is imported later, while the hosts are connected to
    from deploytool.core.placement.schedule import Verdict
    from deploytool.plan.policy import PlanPolicy

KEPT_RELEASES = 10


@dataclass(frozen=True, slots=True)
class Task:
    """A step with the data that its host needs for it.

    ``files``, ``release`` and ``possible_holders`` (names of hosts) are written by the step. ``spec``: the
    digest of the spec of containers that it starts. ``images``: (pull policy, name) of each image to have
    ready.
    """

    step: Step
    files: HostFiles | None = None
    release: Release | None = None
    possible_holders: tuple[str, ...] = ()
    spec: str = ""
    images: tuple[tuple[str, str], ...] = ()
    project_kind: ProjectKind = ProjectKind.SERVICES


@dataclass(frozen=True, slots=True)
class Attempt:
    """A failed release, and the other hosts that may hold a part of it."""

    release: Release
    possible_holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaseClaim:
    """The lease that a run holds or wants on a host; each of its steps renews it for ``ttl_s`` seconds.

    ``take_from``: the owner of a lease that may be taken before it expires, as its run is known to be dead.
    """

    lease: Lease
    ttl_s: int = 60
    take_from: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one step: ``reason`` is the failure, empty on success.

    ``log``: the last lines of a failed container, or remarks on a successful step. ``lease_conflict``: the
    lease of another run, on account of which the step was not done. ``changed``: the host is no longer as it
    was planned. ``observed``: the host after the step, where the step observed it as well.
    """

    reason: str = ""
    hint: str = ""
    log: tuple[str, ...] = ()
    lease_conflict: Lease | None = None
    changed: bool = False
    observed: ObservedHost | None = None

    @property
    def ok(self) -> bool:
        return not self.reason


T_co = TypeVar("T_co", covariant=True)


class Feed(Protocol[T_co]):
    """Values from a host as they arrive. Iterating blocks until the next one, or the end of the feed.

    Raises:
        HostUnreachable: from iterating: the host was lost, or its Docker engine ended the feed.
    """

    def __iter__(self) -> Iterator[T_co]: ...

    def close(self) -> None:
        """End the feed, and with it the iteration in another thread. Idempotent."""
        ...


class Backend(ManifestReader, Protocol):
    """A system that runs plays."""

    # --- pure: no I/O -----------------------------------------------------------------------------------

    def plan(self, intent: Intent, observed: Observed, policy: PlanPolicy) -> Plan:
        """The plan that turns ``observed`` into ``intent``.

        Raises:
            NoHost: no host for a replica. Refused: by a guard. InputError: a template fails for a host.
        """
        ...

    def plan_each(
        self, intent: Intent, observed: Observed, policy: PlanPolicy
    ) -> tuple[Plan, dict[str, ManyProblems]]:
        """A plan of every project that can be planned, and the problems of the others by name."""
        ...

    def explain(
        self, intent: Intent, observed: Observed, policy: PlanPolicy, service: str
    ) -> list[tuple[Project, tuple[Verdict, ...]]]:
        """For every project with the service, the verdict on each host."""
        ...

    def files(
        self, intent: Intent, observed: Observed, policy: PlanPolicy
    ) -> dict[tuple[str, str], HostFiles]:
        """(host, project) → the files that the host should hold. Raises as ``plan``, but for guards."""
        ...

    def digest_of(self, project: Project, desired: Desired) -> str:
        """The digest of the release of a project with this schedule; empty where a host of it left the play.

        Raises:
            InputError: a template fails for a host.
        """
        ...

    # --- observing --------------------------------------------------------------------------------------

    def reach(self, hosts: Iterable[Host]) -> None:
        """Register these hosts, so that methods other than ``observe`` can use them. Connects to none."""
        ...

    def begin(self, hosts: Iterable[Host]) -> None:
        """Start to observe these hosts in the background; ``observe`` then waits for the results."""
        ...

    def observe(
        self, hosts: Mapping[str, Host], forks: int = 1, emit: Callable[[Event], None] | None = None
    ) -> Observed:
        """Observe every host, ``forks`` at a time. An unreachable host is a value, not an exception.

        ``emit`` gets an event for each host that was observed.
        """
        ...

    def releases(self, host_name: str, project: str) -> Sequence[StoredRelease]:
        """All releases that a host has on record of a project, sorted by number. Read-only.

        Raises:
            HostUnreachable: no answer.
        """
        ...

    # --- changing ---------------------------------------------------------------------------------------

    def perform(self, tasks: Sequence[Task], claim: LeaseClaim) -> Sequence[Outcome]:
        """Perform tasks of one kind, one project and one host; returns one outcome each, in order.

        A ``prepare`` takes the lease; every other step requires and renews it.

        Raises:
            HostUnreachable: the host was lost meanwhile; the tasks may have been done in part.
        """
        ...

    def renew(self, host_name: str, project: str, claim: LeaseClaim) -> Outcome:
        """Renew the lease of a host on which no step runs.

        Raises:
            HostUnreachable: no answer; also from all methods below.
        """
        ...

    def lock(self, host_name: str, project: str, claim: LeaseClaim) -> Outcome:
        """Take the lease."""
        ...

    def unlock(
        self, host_name: str, project: str, claim: LeaseClaim, attempt: Attempt | None = None
    ) -> Outcome:
        """Release the lease if it belongs to the claim or its ``take_from``, and record ``attempt``."""
        ...

    def prune(self, host_name: str, project: str, claim: LeaseClaim) -> tuple[Outcome, Sequence[str]]:
        """Remove the images of a project that nothing on this host needs; returns the removed ones."""
        ...

    def forget(self, host_name: str, project: str, claim: LeaseClaim) -> Outcome:
        """Remove the project's networks and records. Fails while it has containers; volumes stay."""
        ...

    # --- streams ----------------------------------------------------------------------------------------

    def events(self, host_name: str) -> Feed[ContainerEvent]:
        """The host's container events from now on; see ``Engine.events``."""
        ...

    def logs(self, host_name: str, query: LogQuery) -> Feed[LogLine | Live]:
        """Lines that replicas on this host wrote, by time; see ``Engine.logs``."""
        ...

    def exec(
        self, host_name: str, container_id: str, argv: Sequence[str], *, terminal: Terminal | None = None
    ) -> Stream:
        """Run ``argv`` in a container, on a terminal if one is given; see ``Engine.exec``."""
        ...

    # --- connections ------------------------------------------------------------------------------------

    def differing(self, hosts: Mapping[str, Host]) -> list[str]:
        """The names of connected hosts whose connection settings differ in ``hosts``, or that it lacks."""
        ...

    def drop(self, host_name: str) -> Callable[[], None]:
        """Remove a host's connection, so that the next use makes a new one; returns its ``close``."""
        ...

    def close(self, forks: int) -> None:
        """Close all connections, ``forks`` at a time, since closing a broken one may take long."""
        ...
