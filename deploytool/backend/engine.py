"""The promise of an ``Engine``: one host with containers.

An engine belongs to one host; any thread may use it, several at a time. What it streams (``Feed``,
``Stream``) goes on beside all else, on the same connection; any thread may close it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from deploytool.backend.base import Attempt, Feed, LeaseClaim, Outcome, Task
from deploytool.model.container import ContainerEvent
from deploytool.model.log import Live, LogLine, LogQuery
from deploytool.model.observed import ObservedHost
from deploytool.model.release import StoredRelease
from deploytool.transport.base import Stream, Terminal


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
