"""The schedule, and what it means for one host: specs and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.model.service import File


@dataclass(frozen=True, slots=True)
class Desired:
    """How many replicas of each service run on each host: ``desired["web", "h1"]``; 0 where not named.

    Unreachable hosts appear with the replicas that they keep on paper.
    """

    project: str
    counts: Mapping[tuple[str, str], int]

    def __getitem__(self, key: tuple[str, str]) -> int:
        return self.counts.get(key, 0)

    def hosts_of(self, service: str) -> tuple[str, ...]:
        """The hosts that were chosen for a service, sorted by name."""
        return tuple(sorted(host for (name, host), n in self.counts.items() if name == service and n))

    def services_on(self, host_name: str) -> Mapping[str, int]:
        """Service → replicas on one host, sorted by name, without zeros."""
        return {s: n for (s, host), n in sorted(self.counts.items()) if host == host_name and n}

    @property
    def members(self) -> tuple[str, ...]:
        """The hosts that hold something, sorted by name."""
        return tuple(sorted({host for (_, host), n in self.counts.items() if n}))


@dataclass(frozen=True, slots=True)
class Spec:
    """What a container is made from: ``digest`` is ``<version>:<hash>``, ``keys`` the hash of each part.

    Equal digest, nothing to do. ``keys`` only serve to name what changed, for people.
    """

    digest: str
    image: str
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostFiles:
    """What a host's project folder should hold. ``compose`` is None where nothing should run there."""

    compose: str | None
    specs: Mapping[str, Spec] = field(default_factory=dict)
    files: tuple[File, ...] = ()
