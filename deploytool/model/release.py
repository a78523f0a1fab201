"""What a host keeps of the runs that changed it: releases on record, and the lease of the one under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.model.desired import Manifest


@dataclass(frozen=True, slots=True)
class Lease:
    """The per-project lock on a host. ``owner`` is unique to a run; the rest is for people.

    ``expires_s`` is by the host's clock. A ``manual`` lease was taken by a person with a reason.
    ``process`` identifies the run on its machine, so that a dead one is told from a slow one there. One that
    ``yields`` is a watcher's: the run of a person or of CI takes it over at once.
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
        """Not expired by the host's clock; a manual lease does not expire."""
        return self.manual or self.expires_s > now_s


CONVERGED = "converged"


@dataclass(frozen=True, slots=True)
class Stamp:
    """The part of a release that no file says. ``when`` is UTC, ISO 8601 to the second."""

    when: str
    who: str
    commit: str


@dataclass(frozen=True, slots=True)
class Release:
    """What was converged at one time, as a host remembers it; or an attempt at it that failed.

    ``digest`` names the whole release (schedule, specs and files of every host): equal digest, nothing
    to record. ``placements`` maps service → host → replicas, over all members; ``data`` is the same of
    services with named volumes that have no replica now: where their last ones, and so their data, were.
    ``changed`` are the services that it changed. ``outcome`` is ``CONVERGED``, or a sentence about how the
    attempt ended.
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
        """Whether it came to be, so that one can go back to it."""
        return self.outcome == CONVERGED

    @property
    def members(self) -> tuple[str, ...]:
        """The hosts that hold something of the project, sorted."""
        return tuple(sorted({host for hosts in self.placements.values() for host, n in hosts.items() if n}))


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release as one host keeps it: ``manifest`` is None where nothing was to run there."""

    release: Release
    manifest: Manifest | None = None
