"""The promise of an ``Engine``: it looks at one host and changes it.

An engine belongs to one host; any thread may use it, several at a time. What it streams
(``Feed``, ``Stream``) goes on beside all else, on the same connection; any thread may close it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from deploytool.model.container import ContainerEvent
from deploytool.model.desired import HostFiles
from deploytool.model.log import Live, LogLine, LogQuery
from deploytool.model.observed import ObservedHost
from deploytool.model.plan import Step
from deploytool.model.release import Lease, Release, StoredRelease
from deploytool.transport.base import Stream, Terminal

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
    """How one step ended. ``reason`` is empty on success; ``log`` are a failed container's last lines, or
    what else is worth telling.

    ``held`` is set where another run holds the lease, ``changed`` where the host is no longer as it was
    planned, ``observed`` where the step looked at the host as well.
    """

    reason: str = ""
    hint: str = ""
    log: tuple[str, ...] = ()
    held: Lease | None = None
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


class Engine(Protocol):
    """One host with containers."""

    def begin(self) -> None:
        """Begin the first look where that takes time, and return at once; ``observe`` then waits for it.

        Nothing else may be asked of it before that.
        """
        ...

    def observe(self) -> ObservedHost:
        """All that the host knows, in one round trip; changes nothing.

        Raises:
            HostUnreachable: no answer, or no usable Docker; ``setup`` tells which.
        """
        ...

    def perform(self, tasks: Sequence[Task], claim: LeaseClaim) -> Sequence[Outcome]:
        """Do the tasks, all of one kind and one project, in one round trip; one outcome each, in order.

        A ``prepare`` takes the lease; every other step needs it, and keeps it alive.

        Raises:
            HostUnreachable: the host was lost on the way; what became of the tasks is not known.
        """
        ...

    def releases(self, project: str) -> Sequence[StoredRelease]:
        """All releases that the host remembers of a project, by number; changes nothing.

        Raises:
            HostUnreachable: as ``observe``.
        """
        ...

    def renew(self, project: str, claim: LeaseClaim) -> Outcome:
        """Keep the lease alive while there is nothing to do on this host."""
        ...

    def lock(self, project: str, claim: LeaseClaim) -> Outcome:
        """Take the lease and do nothing else."""
        ...

    def unlock(self, project: str, claim: LeaseClaim, attempt: Attempt | None = None) -> Outcome:
        """Give the lease back if it is ours, or ``take_from``'s; drop what was staged.

        ``attempt`` goes on record.
        """
        ...

    def prune(self, project: str, claim: LeaseClaim) -> tuple[Outcome, Sequence[str]]:
        """Remove the images of a project that nothing on this host needs; returns those that went.

        What a container, a definition or a release of any project needs stays, as do images of which no
        release of this project had another tag.
        """
        ...

    def forget(self, project: str, claim: LeaseClaim) -> Outcome:
        """Remove the project's networks and folder. Fails while it has containers; volumes stay."""
        ...

    def events(self) -> Feed[ContainerEvent]:
        """What happens to the host's containers, ours and others, from now on.

        When this returns, nothing that happens can be missed any more; what happened in the same second
        may be told, too. It never ends by itself: an engine that stops or is restarted ends it with an
        error, after which a new feed has to be asked for, and the host be looked at.

        Raises:
            HostUnreachable: as ``observe``.
        """
        ...

    def logs(self, query: LogQuery) -> Feed[LogLine | Live]:
        """What replicas on this host wrote: by time, all of them together, up to ``Live`` where it follows.

        It ends by itself unless it follows, and then with an error where the engine stops.

        Raises:
            HostUnreachable: as ``observe``; also from iterating.
        """
        ...

    def exec(self, container_id: str, argv: Sequence[str], *, terminal: Terminal | None = None) -> Stream:
        """Run ``argv`` in a container, on a terminal if one is given.

        Raises:
            HostUnreachable: as ``observe``. What the container says against it is on stderr, with exit
                code 126 or 127 as in a shell.
        """
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...
