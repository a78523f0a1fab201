"""Whether a watcher may change a project: only what its own files made, or would make, is its own.

A run of a person or of CI takes precedence. Where it left a release that says something else than the files
here, the watcher waits, and says so.
"""

from __future__ import annotations

from deploytool.backend.base import Backend
from deploytool.model.desired import Desired
from deploytool.model.intent import Project
from deploytool.model.observed import Observed
from deploytool.model.plan import ProjectPlan
from deploytool.model.release import Release


class Ownership:
    """Remembers, by project, the releases that are known to agree with the files here, or did before they
    changed: by number and digest, so that going back to what one of them said is another release.
    """

    def __init__(self, force: bool = False) -> None:
        self._force = force
        self._agreed: dict[str, set[tuple[int, str]]] = {}

    def objection(self, project: Project, plan: ProjectPlan, observed: Observed, backend: Backend) -> str:
        """Why not to touch the project; empty where it may be touched."""
        newest = observed.newest_release(project.name)
        if newest is None or (newest.number, newest.digest) in self._agreed.get(project.name, ()):
            return ""
        mine = plan.release is not None and plan.release.digest == newest.digest
        if self._force or mine or agrees(project, newest, backend):
            self._agreed[project.name] = {(newest.number, newest.digest)}
            return ""
        return (
            f"the hosts run release {newest.number}{_made_by(newest)}, and the files here say otherwise:"
            " converge with these files, bring them up to date, or start with --force-own"
        )

    def making(self, plan: ProjectPlan) -> None:
        """A plan is about to be carried out: what it records, all of it or on some hosts, is our own."""
        if plan.release:
            self.made(plan.project, plan.release)

    def made(self, project: str, release: Release) -> None:
        """A release is, or will be, on record on our own account."""
        self._agreed.setdefault(project, set()).add((release.number, release.digest))


def agrees(project: Project, release: Release, backend: Backend) -> bool:
    """Whether the files here would make the same release, were every replica where it is there."""
    counts = {(s, host): n for s, hosts in release.placements.items() for host, n in hosts.items() if n}
    totals = {service: sum(hosts.values()) for service, hosts in release.placements.items()}
    for service in project.services:
        if not service.mode.is_global and totals.get(service.name, 0) != service.replicas:
            return False
    return backend.digest_of(project, Desired(project.name, counts)) == release.digest


def _made_by(release: Release) -> str:
    commit = f" from commit {release.commit[:10]}" if release.commit else ""
    return f"{commit}, made by {release.who} at {release.when}" if release.who else commit
