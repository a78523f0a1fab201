"""The desired state: the schedule, and the specs and files of one host."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.model.intent import File


@dataclass(frozen=True, slots=True)
class Desired:
    """The schedule of a project: the number of replicas by service and host, as ``desired["web", "h1"]``.

    A pair that is not in ``counts`` has 0. Unreachable hosts keep the replicas that they had.
    """

    project: str
    counts: Mapping[tuple[str, str], int]
    _services: Mapping[str, Mapping[str, int]] = field(init=False, repr=False, compare=False)
    _hosts: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the counts by host and by service: lookups by either are frequent in large fleets."""
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
        """The hosts with replicas of a service, sorted by name."""
        return self._hosts.get(service, ())

    def services_on(self, host_name: str) -> Mapping[str, int]:
        """Service → replicas on one host, sorted by name, without zeros."""
        return self._services.get(host_name, {})

    @property
    def members(self) -> tuple[str, ...]:
        """The hosts with at least one replica, sorted by name."""
        return tuple(self._services)


@dataclass(frozen=True, slots=True)
class Spec:
    """The identity of what a container is made from: ``digest`` is ``<version>:<hash>``.

    A container with an equal digest needs no change. ``keys``: the hash of each key of the definition, only
    to name the changed ones in messages.
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
        """True if a service of this definition has the spec with this digest."""
        return spec in self.text


@dataclass(frozen=True, slots=True)
class HostFiles:
    """The desired content of a host's project folder. ``manifest`` is None where nothing should run there.

    ``ingress``: the project's part of the configuration of the host's proxy; ``ingress_digest``: its digest,
    as the host reports it. Both are empty where the project offers nothing.
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
