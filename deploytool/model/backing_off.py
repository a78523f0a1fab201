"""Crash-loop back-off in a plan: the containers, services and hosts that are not changed for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ServiceKey = tuple[str, str]  # project, service
HostKey = tuple[str, str]  # project, host
Slot = tuple[str, str, str]  # project, service, host


@dataclass(frozen=True, slots=True)
class BackingOff:
    """The containers (by id), services, and hosts of a project that back off after failures.

    ``missing``: the number of replicas of a slot that are not to be started yet, since earlier ones failed.
    """

    containers: frozenset[str] = frozenset()
    services: frozenset[ServiceKey] = frozenset()
    hosts: frozenset[HostKey] = frozenset()
    missing: Mapping[Slot, int] = field(default_factory=dict)

    def covers(self, project: str, service: str, host_name: str) -> bool:
        """True if all of a service on this host backs off."""
        return (project, service) in self.services or (project, host_name) in self.hosts


NONE_BACKING_OFF = BackingOff()
