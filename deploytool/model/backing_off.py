"""What is left alone for a while after failures: crash-loop back-off as a plan sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ServiceKey = tuple[str, str]  # project, service
HostKey = tuple[str, str]  # project, host
Slot = tuple[str, str, str]  # project, service, host


@dataclass(frozen=True, slots=True)
class BackingOff:
    """What a plan leaves alone for now: containers by id, whole services, and hosts of a project.

    ``missing`` are replicas that are not to be started yet, because the ones before them failed.
    """

    containers: frozenset[str] = frozenset()
    services: frozenset[ServiceKey] = frozenset()
    hosts: frozenset[HostKey] = frozenset()
    missing: Mapping[Slot, int] = field(default_factory=dict)

    def covers(self, project: str, service: str, host_name: str) -> bool:
        """Whether a service is left alone on a host, whatever its containers do."""
        return (project, service) in self.services or (project, host_name) in self.hosts


NONE_BACKING_OFF = BackingOff()
