"""The ownership of projects: a watcher changes only releases that its own files made, or would make.

A run of a person or of CI takes precedence. Where its release differs from the files of the watcher, the
watcher waits, and reports it.
"""

from __future__ import annotations

from deploytool.backend.base import Backend
from deploytool.model.desired import Desired
from deploytool.model.intent import Project
from deploytool.model.observed import Observed
from deploytool.model.plan import ProjectPlan
from deploytool.model.release import Release


class Ownership:
    """The releases, by project, that agree with the files, or did before the files changed.

    They are remembered by number and digest, so that a rollback to the content of one is another release.
    With ``force`` every release counts as the watcher's own.
    """

    def __init__(self, force: bool = False) -> None:
        self._force = force
        self._agreed: dict[str, set[tuple[int, str]]] = {}

    def objection(self, project: Project, plan: ProjectPlan, observed: Observed, backend: Backend) -> str:
        """The reason for which the project must not be changed; empty where it may be."""
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
        """Own the release that a plan will record, on all hosts or on some."""
        if plan.release:
            self.made(plan.project, plan.release)

    def made(self, project: str, release: Release) -> None:
        """Own a release that this watcher has recorded, or will record."""
        self._agreed.setdefault(project, set()).add((release.number, release.digest))


def agrees(project: Project, release: Release, backend: Backend) -> bool:
    """True if the files make the same release, with the replicas placed as in it."""
    counts = {(s, host): n for s, hosts in release.placements.items() for host, n in hosts.items() if n}
    totals = {service: sum(hosts.values()) for service, hosts in release.placements.items()}
    for service in project.services:
        if not service.mode.is_global and totals.get(service.name, 0) != service.replicas:
            return False
    return backend.digest_of(project, Desired(project.name, counts)) == release.digest


def _made_by(release: Release) -> str:
    commit = f" from commit {release.commit[:10]}" if release.commit else ""
    return f"{commit}, made by {release.who} at {release.when}" if release.who else commit
