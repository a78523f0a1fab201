"""The release history of a project, and an older release as the intent of a run.

A rollback is an ordinary run whose intent has the older release's definitions and placements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploytool.backend.base import Backend
from deploytool.errors import HostUnreachable, Place, Problem, Refused, UsageError
from deploytool.model.desired import Desired, Manifest
from deploytool.model.intent import Intent, Project, Service
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, Unreachable
from deploytool.model.release import Release, StoredRelease
from deploytool.transport.futures import each


@dataclass(frozen=True, slots=True)
class ReleaseHistory:
    """A project's releases on record, oldest first, as its hosts keep them.

    ``manifests``: the definition by (release number, host). ``current``: the number of the current release, 0
    without one. ``unreachable``: the hosts whose records could not be read. ``update_begun``: an update has
    replaced a part of the current release and was not completed.
    """

    project: str
    releases: tuple[Release, ...]
    manifests: Mapping[tuple[int, str], Manifest]
    current: int
    unreachable: Mapping[str, Unreachable] = field(default_factory=dict)
    update_begun: bool = False

    @property
    def current_release(self) -> Release | None:
        """The current release: the last one that converged."""
        return next((release for release in self.releases if release.number == self.current), None)

    def rollback_target(self, number: int | None) -> Release:
        """The release to roll back to: ``number``, else the newest one that differs from the current one.

        While an update is incomplete that is the current one, which ran before the update.

        Raises:
            UsageError: there is none.
        """
        known = {release.number: release for release in self.releases}
        if number is not None:
            if number not in known:
                numbers = ", ".join(str(r.number) for r in self.releases if r.converged) or "none"
                raise UsageError(
                    f"{self.project} has no release {number}", hint=f"the hosts remember {numbers}"
                )
            if not known[number].converged:
                raise UsageError(
                    f"{self.project}: release {number} never came to be: {known[number].outcome}",
                    hint="choose one that converged: see deploytool history",
                )
            return known[number]
        current = self.current_release
        if current and self.update_begun:
            return current
        older = [
            release
            for release in self.releases
            if release.converged
            and current
            and release.number < self.current
            and release.digest != current.digest
        ]
        if not older:
            raise UsageError(
                f"{self.project} has no release before the current one", hint="see deploytool history"
            )
        return older[-1]


@dataclass(frozen=True, slots=True)
class PinnedRelease:
    """A project pinned to release ``number`` and its schedule ``desired``, since a newer release failed.

    ``release``: the release on record since then. ``unreachable``: hosts whose records could not be read, so
    that their definitions of the release are not known.
    """

    project: Project
    desired: Desired
    number: int
    release: Release
    unreachable: tuple[str, ...] = ()


def release_history(project: Project, seen: Observed, backend: Backend, forks: int) -> ReleaseHistory:
    """The releases that the hosts have on record of a project, read ``forks`` hosts at a time."""
    answered = each(seen.answered(), lambda name: _remembered(backend, name, project.name), forks)
    told = {**seen.unreachable(), **answered}
    releases: dict[int, Release] = {}
    manifests: dict[tuple[int, str], Manifest] = {}
    unreachable: dict[str, Unreachable] = {}
    for host_name, stored in sorted(told.items()):
        if isinstance(stored, Unreachable):
            unreachable[host_name] = stored
            continue
        for one in stored:
            releases.setdefault(one.release.number, one.release)
            if one.manifest:
                manifests[one.release.number, host_name] = one.manifest
    newest = seen.newest_release(project.name)
    ordered = tuple(releases[number] for number in sorted(releases))
    update_begun = newest is not None and _update_begun(project.name, newest, manifests, seen)
    return ReleaseHistory(
        project.name, ordered, manifests, newest.number if newest else 0, unreachable, update_begun
    )


def _update_begun(
    project_name: str, release: Release, manifests: Mapping[tuple[int, str], Manifest], seen: Observed
) -> bool:
    """True if a host has a replica that was not made from its definition of the current release."""
    for host_name, host in seen.answered().items():
        manifest = manifests.get((release.number, host_name))
        if host_name in release.members and not manifest:
            continue  # its definition is not known, so no replica can be compared with it
        mine = (c for c in host.containers if c.replica and c.project == project_name)
        if any(not (manifest and manifest.names(container.spec)) for container in mine):
            return True
    return False


def intent_of_releases(
    intent: Intent, targets: Sequence[tuple[ReleaseHistory, Release]], backend: Backend
) -> tuple[Intent, dict[str, Desired]]:
    """The intent with each project as its target release has it, and the schedules by project name.

    The schedules are for ``PlanPolicy.pinned``. A host of the release that is unreachable or has left the
    inventory keeps its replicas in the schedule: the caller has to plan with it as unreachable, even if it
    answers again.

    Raises:
        Refused: a host of the release answers and has no record of it, or none of its hosts answers.
    """
    projects, fixed, problems = [], {}, []
    for history, release in targets:
        project = next(project for project in intent.projects if project.name == history.project)
        found = list(_problems(project, history, release, _members(intent, release)))
        problems += found
        if not found:
            projects.append(_project(project, history, release, _members(intent, release), backend))
            fixed[project.name] = _desired(project.name, release)
    if problems:
        raise Refused(problems)
    return replace(intent, projects=tuple(projects)), fixed


def pin_current_release(
    intent: Intent, project: Project, seen: Observed, backend: Backend, forks: int
) -> PinnedRelease | None:
    """The project pinned to its current release; None without one, or where its definitions are missing."""
    history = release_history(project, seen, backend, forks)
    if history.current_release is None:
        return None
    try:
        then, _ = intent_of_releases(intent, [(history, history.current_release)], backend)
    except Refused:
        return None
    (project,) = then.projects
    return pinned(project, history, history.current_release, seen)


def pinned(project: Project, history: ReleaseHistory, release: Release, seen: Observed) -> PinnedRelease:
    """A project of ``intent_of_releases``, pinned to ``release``."""
    there = seen.newest_release(project.name) or release
    return PinnedRelease(
        project, _desired(project.name, release), release.number, there, tuple(sorted(history.unreachable))
    )


def _remembered(backend: Backend, host_name: str, project: str) -> Sequence[StoredRelease] | Unreachable:
    try:
        return backend.releases(host_name, project)
    except HostUnreachable as error:  # it answered when it was observed
        return Unreachable(error.message, error.hint, error.setup)


def _problems(
    project: Project, history: ReleaseHistory, release: Release, members: Mapping[str, Host]
) -> Iterator[Problem]:
    away = [name for name in release.members if name in history.unreachable or name not in members]
    for name in release.members:
        if name not in away and (release.number, name) not in history.manifests:
            yield _missing(project, release, name, "which does not remember it")
    if release.members and len(away) == len(release.members):
        yield _missing(project, release, ", ".join(away), "and none of these answers")


def _members(intent: Intent, release: Release) -> dict[str, Host]:
    of_play = {host.name: host for project in intent.projects for host in project.hosts}
    known = {**intent.inventory.hosts, **of_play}
    return {name: known[name] for name in release.members if name in known}


def _missing(project: Project, release: Release, host_name: str, why: str) -> Problem:
    message = f"{project.name}: release {release.number} ran on {host_name}, {why}"
    return Problem(Place(project.place.file, project.place.line), message, "choose another release")


def _project(
    project: Project, history: ReleaseHistory, release: Release, members: Mapping[str, Host], backend: Backend
) -> Project:
    kept = {name: one for (number, name), one in history.manifests.items() if number == release.number}
    hosts = {host.name: host for host in (*project.hosts, *members.values())}
    return replace(
        project,
        hosts=tuple(host for name, host in hosts.items() if name not in history.unreachable),
        services=tuple(_services(project, release, kept, backend)),
        definitions=backend.stored_definitions(kept),
    )


def _services(
    project: Project, release: Release, manifests: Mapping[str, Manifest], backend: Backend
) -> list[Service]:
    """The services of the release, in the order of the playbook's definition, then those that left it."""
    order = [service.name for service in project.services]
    names = sorted(
        release.placements, key=lambda name: (order.index(name) if name in order else len(order), name)
    )
    found = []
    for name in names:
        hosts = [host for host, count in release.placements[name].items() if count and host in manifests]
        if hosts:  # else it ran nowhere, or only on unreachable hosts, and its definition is not known
            manifest, current = manifests[hosts[0]], project.service(name)
            then = backend.stored_service(name, manifest, hosts[0], current)
            found.append(replace(then, replicas=sum(release.placements[name].values())))
    return found


def _desired(project: str, release: Release) -> Desired:
    counts = {(s, host): n for s, hosts in release.placements.items() for host, n in hosts.items() if n}
    return Desired(project, counts)
