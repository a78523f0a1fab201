"""The two seams: ``Transport`` runs a command on a host, ``Engine`` looks at a host and changes it.

``run`` sees only this module. An engine belongs to one host and is used by one thread at a time, except
``interrupt``, which any thread may call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from deploytool.model.desired import HostFiles
from deploytool.model.observed import Lease, ObservedHost, Release, StoredRelease
from deploytool.model.plan import Step


@dataclass(frozen=True, slots=True)
class Result:
    """What a command said. ``exit_code`` is 128 + n where signal n ended it."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""


class Transport(Protocol):
    """Runs commands on one host. Connects at the first command and keeps the connection."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
        """Run ``argv`` with ``stdin`` as its whole input, and wait for it.

        A non-zero exit code is a result, not an error.

        Raises:
            HostUnreachable: no connection, connection lost, or no end within ``timeout_s``.
        """
        ...

    def close(self) -> None:
        """Give the connection back. Harmless when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """A step with all that its host needs to do it.

    ``files`` and ``release`` are what the step writes, ``spec`` what the started containers are made from,
    ``images`` the pull policy and name of each image to have ready.
    """

    step: Step
    files: HostFiles | None = None
    release: Release | None = None
    spec: str = ""
    images: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """The lease that a run holds, or wants, on a host, for ``ttl_s`` seconds from each of its steps.

    ``take_from`` is the owner of a lease that may be taken although it has not expired: a run that is
    known to be dead.
    """

    lease: Lease
    ttl_s: int = 60
    take_from: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended. ``reason`` is empty on success; ``log`` are a failed container's last lines.

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


class Engine(Protocol):
    """One host with containers."""

    def observe(self) -> ObservedHost:
        """All that the host knows, in one round trip; changes nothing.

        Raises:
            HostUnreachable: no answer, or no usable Docker; ``setup`` tells which.
        """
        ...

    def perform(self, tasks: Sequence[Task], hold: Hold) -> Sequence[Outcome]:
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

    def renew(self, project: str, hold: Hold) -> Outcome:
        """Keep the lease alive while there is nothing to do on this host."""
        ...

    def lock(self, project: str, hold: Hold) -> Outcome:
        """Take the lease and do nothing else."""
        ...

    def unlock(self, project: str, hold: Hold) -> Outcome:
        """Give the lease back if it is ours, or ``take_from``'s; drop what was staged."""
        ...

    def forget(self, project: str, hold: Hold) -> Outcome:
        """Remove the project's networks and folder. Fails while it has containers; volumes stay."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...
