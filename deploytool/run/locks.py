"""Manual leases: taking one with a reason, and releasing any lease."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deploytool.backend.base import Backend, LeaseClaim
from deploytool.errors import HostUnreachable
from deploytool.model.observed import Observed
from deploytool.model.release import Lease
from deploytool.transport.futures import each

# A manual lease has no run that could renew it: it lasts until it is released.
MANUAL_TTL_S = 10 * 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class HostLease:
    """A lease on one host. ``seconds_left`` is by the host's clock; negative once it has expired."""

    host: str
    project: str
    lease: Lease
    seconds_left: float


def leases_of(observed: Observed, projects: tuple[str, ...]) -> tuple[HostLease, ...]:
    """All leases of the projects, by host and project, expired ones included."""
    found = []
    for host_name, host in observed.answered().items():
        for project in projects:
            folder = host.projects.get(project)
            if folder and folder.lease:
                left = folder.lease.expires_s - host.facts.now_s
                found.append(HostLease(host_name, project, folder.lease, left))
    return tuple(found)


def acquire(
    backend: Backend, hosts: Mapping[str, tuple[str, ...]], lease: Lease, reason: str, forks: int
) -> dict[str, str]:
    """Take a manual lease for each host's projects; returns the reason of a refusal by host, else "".

    When one host refuses, the leases that were taken on others are released.
    """
    manual = replace(lease, manual=True, reason=reason, process="")
    claim = LeaseClaim(manual, MANUAL_TTL_S)
    refused = each(hosts, lambda name: _each_project(backend, name, hosts[name], claim, "lock"), forks)
    if any(refused.values()):
        each(hosts, lambda name: _each_project(backend, name, hosts[name], claim, "unlock"), forks)
    return refused


def release(backend: Backend, leases: tuple[HostLease, ...], mine: Lease, forks: int) -> dict[str, str]:
    """Release leases of any owner; returns the reason of a refusal by host, else ""."""
    by_host: dict[str, list[HostLease]] = {}
    for lease in leases:
        by_host.setdefault(lease.host, []).append(lease)

    def release_all(name: str) -> str:
        failures = (
            _each_project(
                backend, name, (one.project,), LeaseClaim(mine, take_from=one.lease.owner), "unlock"
            )
            for one in by_host[name]
        )
        return "; ".join(filter(None, failures))

    return each(by_host, release_all, forks)


def _each_project(
    backend: Backend, host_name: str, projects: tuple[str, ...], claim: LeaseClaim, verb: str
) -> str:
    act = backend.lock if verb == "lock" else backend.unlock
    for project in projects:
        try:
            outcome = act(host_name, project, claim)
        except HostUnreachable as error:
            return error.message
        if not outcome.ok:
            who = f" by {outcome.lease_conflict.who}" if outcome.lease_conflict else ""
            return f"{project}: {outcome.reason}{who}"
    return ""
