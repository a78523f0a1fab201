"""The interface of an ``Engine``: one host with containers.

All methods may be called from any thread, several at a time. A stream (``Feed``, ``Stream``) shares the
connection without blocking other calls; any thread may close it.
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
        """Start to observe in the background, where that takes time; ``observe`` then waits for the result.

        No other method may be called before ``observe``.
        """
        ...

    def observe(self) -> ObservedHost:
        """The state of the host, its containers and its records, in one round trip. Read-only.

        Raises:
            HostUnreachable: no answer, or no usable Docker (then ``setup`` is true).
        """
        ...

    def perform(self, tasks: Sequence[Task], claim: LeaseClaim) -> Sequence[Outcome]:
        """Perform tasks of one kind and one project in one round trip; returns one outcome each, in order.

        A ``prepare`` takes the lease; every other step requires and renews it.

        Raises:
            HostUnreachable: the host was lost meanwhile; the tasks may have been done in part.
        """
        ...

    def releases(self, project: str) -> Sequence[StoredRelease]:
        """All releases that the host has on record of a project, sorted by number. Read-only.

        Raises:
            HostUnreachable: as ``observe``.
        """
        ...

    def renew(self, project: str, claim: LeaseClaim) -> Outcome:
        """Renew the lease while no step runs on this host."""
        ...

    def lock(self, project: str, claim: LeaseClaim) -> Outcome:
        """Take the lease."""
        ...

    def unlock(self, project: str, claim: LeaseClaim, attempt: Attempt | None = None) -> Outcome:
        """Release the lease if it belongs to the claim or its ``take_from``, and delete staged files.

        ``attempt`` goes on record.
        """
        ...

    def prune(self, project: str, claim: LeaseClaim) -> tuple[Outcome, Sequence[str]]:
        """Remove the images of a project that nothing on this host needs; returns the removed ones.

        Candidates are other tags of images in this project's releases. An image stays that a container, a
        definition or a release of any project needs.
        """
        ...

    def forget(self, project: str, claim: LeaseClaim) -> Outcome:
        """Remove the project's networks and folder. Fails while it has containers; volumes stay."""
        ...

    def events(self) -> Feed[ContainerEvent]:
        """The events of all containers on the host, deploytool's and others, from now on.

        Once this returns, no event is missed; events of the same second before may be included. The feed
        ends only with an error, when the Docker engine stops or restarts. The caller then has to open a new
        feed and observe the host.

        Raises:
            HostUnreachable: as ``observe``.
        """
        ...

    def logs(self, query: LogQuery) -> Feed[LogLine | Live]:
        """The log lines of replicas on this host, merged by time.

        A query that follows gets ``Live`` after the lines written so far; its feed ends only with an error,
        when the Docker engine stops. Other feeds end after the last line.

        Raises:
            HostUnreachable: as ``observe``; also from iterating.
        """
        ...

    def exec(self, container_id: str, argv: Sequence[str], *, terminal: Terminal | None = None) -> Stream:
        """Run ``argv`` in a container, on a terminal if one is given.

        Raises:
            HostUnreachable: as ``observe``. A command that cannot be run is reported on stderr, with exit
                code 126 or 127 as in a shell.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
