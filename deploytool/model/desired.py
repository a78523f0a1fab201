"""The schedule, and what it means for one host: specs and files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.model.intent import File


@dataclass(frozen=True, slots=True)
class Desired:
    """How many replicas of each service run on each host: ``desired["web", "h1"]``; 0 where not named.

    Unreachable hosts appear with the replicas that they keep on paper.
    """

    project: str
    counts: Mapping[tuple[str, str], int]
    _services: Mapping[str, Mapping[str, int]] = field(init=False, repr=False, compare=False)
    _hosts: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort it by host and by service once: both are asked for every host of a fleet."""
        services: dict[str, dict[str, int]] = {}
        hosts: dict[str, list[str]] = {}
        for (service, host), number in sorted(self.counts.items()):
            if number:
                services.setdefault(host, {})[service] = number
                hosts.setdefault(service, []).append(host)
        object.__setattr__(self, "_services", dict(sorted(services.items())))
        object.__setattr__(self, "_hosts", {service: tuple(names) for service, names in hosts.items()})

    def __getitem__(self, key: tuple[str, str]) -> int:
        return self.counts.get(key, 0)

    def hosts_of(self, service: str) -> tuple[str, ...]:
        """The hosts that were chosen for a service, sorted by name."""
        return self._hosts.get(service, ())

    def services_on(self, host_name: str) -> Mapping[str, int]:
        """Service → replicas on one host, sorted by name, without zeros."""
        return self._services.get(host_name, {})

    @property
    def members(self) -> tuple[str, ...]:
        """The hosts that hold something, sorted by name."""
        return tuple(self._services)


@dataclass(frozen=True, slots=True)
class Spec:
    """What a container is made from: ``digest`` is ``<version>:<hash>``, ``keys`` the hash of each part.

    Equal digest, nothing to do. ``keys`` only serve to name what changed, for people.
    """

    digest: str
    image: str
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The definition of one project on one host, in the ``format`` of its backend: for Compose, YAML text."""

    text: str = field(repr=False)
    format: str = "compose"

    @property
    def digest(self) -> str:
        """SHA-256 of the text in UTF-8, in hex, as the host reports it."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def names(self, spec: str) -> bool:
        """Whether a container of this spec is made from it."""
        return spec in self.text


@dataclass(frozen=True, slots=True)
class HostFiles:
    """What a host's project folder should hold. ``manifest`` is None where nothing should run there.

    ``ingress`` is the project's part of the configuration of the host's proxy, and ``ingress_digest`` its
    name as the host reports it; both are empty where the project offers nothing.
    """

    manifest: Manifest | None
    specs: Mapping[str, Spec] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    ingress: tuple[File, ...] = field(default=(), repr=False)
    ingress_digest: str = ""

    @property
    def manifest_digest(self) -> str:
        """The manifest's digest; empty where nothing should run."""
        return self.manifest.digest if self.manifest else ""
