"""The seam to whatever runs containers: a ``Backend`` looks, plans, and makes the steps of a plan happen.

What a step acts on is its target, called by name: a host for the backends here. Any thread may use a backend,
several at a time. What it streams (``Feed``, ``Stream``) goes on beside all else; any thread may close it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from deploytool.errors import ManyProblems
from deploytool.model.container import ContainerEvent
from deploytool.model.desired import Desired, HostFiles, Manifest
from deploytool.model.event import Event
from deploytool.model.intent import Intent, Project
from deploytool.model.inventory import Host
from deploytool.model.log import Live, LogLine, LogQuery
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.plan import Plan, Step
from deploytool.model.release import Lease, Release, StoredRelease
from deploytool.transport.base import Stream, Terminal

if TYPE_CHECKING:  # what plans is imported while the hosts are connected to
    from deploytool.core.placement.schedule import Verdict
    from deploytool.plan.policy import PlanPolicy

KEPT_RELEASES = 10


@dataclass(frozen=True, slots=True)
class Task:
    """A step with all that its host needs to do it.

    ``files``, ``release`` and ``others`` (hosts) are what the step writes, ``spec`` what the started
    containers are made from, ``images`` the pull policy and name of each image to have ready.
    """

    step: Step
    files: HostFiles | None = None
    release: Release | None = None
    others: tuple[str, ...] = ()
    spec: str = ""
    images: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A release that did not come to be, and the other hosts that may hold something of it."""

    release: Release
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaseClaim:
    """The lease that a run holds, or wants, on a host, for ``ttl_s`` seconds from each of its steps.

    ``take_from`` is the owner of a lease that may be taken although it has not expired: a run that is
    known to be dead.
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
    """Values from a host as they come. Iterating waits; ``close``, from any thread, ends that.

    Iterating ends by itself where there is nothing more to come.

    Raises:
        HostUnreachable: from iterating: the host was lost, or its Docker engine ended the feed.
    """

    def __iter__(self) -> Iterator[T_co]: ...

    def close(self) -> None:
        """End it. Harmless when repeated."""
        ...


class Backend(Protocol):
    """Where plays run."""

    # --- pure: no I/O -----------------------------------------------------------------------------------

    def plan(self, intent: Intent, observed: Observed, policy: PlanPolicy) -> Plan:
        """All that has to change.

        Raises:
            NoHost: a replica has no home. Refused: by a guard. InputError: a template fails for a host.
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
        """For every project with the service: why each host was chosen or refused."""
        ...

    def files(
        self, intent: Intent, observed: Observed, policy: PlanPolicy
    ) -> dict[tuple[str, str], HostFiles]:
        """(host, project) → the files that the host should hold. Raises as ``plan``, but for guards."""
        ...

    def digest_of(self, project: Project, desired: Desired) -> str:
        """The digest of the release that a schedule would make; empty where a host of it left the play.

        Raises:
            InputError: a template fails for a host.
        """
        ...

    def shown(self, manifest: Manifest, salt: bytes) -> str:
        """A host's definition as it may be shown: secrets masked with ``salt``, our own labels left out.

        Raises:
            InputError: it is no definition of ours.
        """
        ...

    # --- looking ----------------------------------------------------------------------------------------

    def reach(self, hosts: Iterable[Host]) -> None:
        """Say how these hosts are reached, for whoever asks one without a look; nothing is connected yet."""
        ...

    def begin(self, hosts: Iterable[Host]) -> None:
        """Begin the first look at these hosts, and return at once; ``observe`` then waits for it."""
        ...

    def observe(
        self, hosts: Mapping[str, Host], forks: int = 1, emit: Callable[[Event], None] | None = None
    ) -> Observed:
        """Look at every host, ``forks`` at a time. What a host could not say is a value, not an exception.

        ``emit`` hears of each look as it ends.
        """
        ...

    def releases(self, host_name: str, project: str) -> Sequence[StoredRelease]:
        """All releases that a host remembers of a project, by number; changes nothing.

        Raises:
            HostUnreachable: no answer.
        """
        ...

    # --- changing ---------------------------------------------------------------------------------------

    def perform(self, tasks: Sequence[Task], claim: LeaseClaim) -> Sequence[Outcome]:
        """Do the tasks, all of one kind, one project and one host; one outcome each, in order.

        A ``prepare`` takes the lease; every other step needs it, and keeps it alive.

        Raises:
            HostUnreachable: the host was lost on the way; what became of the tasks is not known.
        """
        ...

    def renew(self, host_name: str, project: str, claim: LeaseClaim) -> Outcome:
        """Keep the lease alive while there is nothing to do on this host.

        Raises:
            HostUnreachable: no answer; so do all below.
        """
        ...

    def lock(self, host_name: str, project: str, claim: LeaseClaim) -> Outcome:
        """Take the lease and do nothing else."""
        ...

    def unlock(
        self, host_name: str, project: str, claim: LeaseClaim, attempt: Attempt | None = None
    ) -> Outcome:
        """Give the lease back if it is ours, or ``take_from``'s; ``attempt`` goes on record."""
        ...

    def prune(self, host_name: str, project: str, claim: LeaseClaim) -> tuple[Outcome, Sequence[str]]:
        """Remove the images of a project that nothing on this host needs; returns those that went."""
        ...

    def forget(self, host_name: str, project: str, claim: LeaseClaim) -> Outcome:
        """Remove what is left of the project. Fails while it has containers; volumes stay."""
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
        """The connected hosts that ``hosts`` reaches in another way, or does not name."""
        ...

    def drop(self, host_name: str) -> Callable[[], None]:
        """Forget a host's connection; the next one is made anew. Returns the function that closes the old."""
        ...

    def close(self, forks: int) -> None:
        """Give all connections back, side by side: a dead one may take its time."""
        ...
