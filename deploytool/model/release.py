"""Releases and leases: the records that a host keeps of the runs that changed or are changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.model.desired import Manifest


@dataclass(frozen=True, slots=True)
class Lease:
    """The lock on one project on a host. ``owner``: unique to a run.

    ``who``, ``reason`` and ``url`` are for people. ``expires_s``: by the host's clock. ``manual``: a person
    took it by command. ``process``: the identity of the run on its machine, by which runs there can tell a
    dead run from a slow one. ``yields``: it is a watcher's, and runs of people and CI may take it over.
    """

    owner: str
    who: str = ""
    reason: str = ""
    url: str = ""
    manual: bool = False
    yields: bool = False
    process: str = ""
    expires_s: float = 0.0

    def in_force(self, now_s: float) -> bool:
        """True if it has not expired by the host's clock; a manual lease does not expire."""
        return self.manual or self.expires_s > now_s


CONVERGED = "converged"


@dataclass(frozen=True, slots=True)
class Stamp:
    """The origin of a release: ``when`` (UTC, ISO 8601 to the second), by whom, and the commit."""

    when: str
    who: str
    commit: str


@dataclass(frozen=True, slots=True)
class Release:
    """A numbered state of a project that was converged, or a failed attempt at one.

    ``digest``: of the play, the schedule and the files of all hosts; with an equal one no new release is
    made. ``placements``: service → host → replicas. ``data``: the same for services with named volumes that
    have no replica now: the last hosts of their replicas, and so of their data. ``changed``: the services
    that it changed. ``outcome``: ``CONVERGED``, or a sentence on the failure of the attempt.
    """

    number: int
    digest: str
    play: str = ""
    when: str = ""
    who: str = ""
    commit: str = ""
    outcome: str = ""
    placements: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    changed: tuple[str, ...] = ()

    @property
    def converged(self) -> bool:
        """True if it was converged, so that a rollback to it is possible."""
        return self.outcome == CONVERGED

    @property
    def members(self) -> tuple[str, ...]:
        """The hosts with replicas, sorted by name."""
        return tuple(sorted({host for hosts in self.placements.values() for host, n in hosts.items() if n}))


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release as one host stores it; ``manifest`` is None where nothing was to run there."""

    release: Release
    manifest: Manifest | None = None
