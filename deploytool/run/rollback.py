"""What was released when, and an older release as an intent of its own.

A rollback is an ordinary run: the older release's definitions and placements go through the same door.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploytool.backend.base import Backend
from deploytool.errors import HostUnreachable, Place, Problem, Refused, UsageError
from deploytool.load.compose.stored_file import StoredDefinitions, stored_definition, stored_service
from deploytool.model.desired import Desired
from deploytool.model.intent import Intent, Project, Service
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, Unreachable
from deploytool.model.release import Release, StoredRelease
from deploytool.transport.futures import each


@dataclass(frozen=True, slots=True)
class Past:
    """A project's releases, oldest first, and each host's compose.yaml of each, by (number, host).

    ``silent`` are the hosts that did not say what they remember. ``begun``: an update has begun to replace
    the current release, and came to no end.
    """

    project: str
    releases: tuple[Release, ...]
    texts: Mapping[tuple[int, str], str]
    current: int
    silent: Mapping[str, Unreachable] = field(default_factory=dict)
    begun: bool = False

    @property
    def recorded(self) -> Release | None:
        """The current release: the last one that converged."""
        return next((release for release in self.releases if release.number == self.current), None)

    def before(self, number: int | None) -> Release:
        """The release to go back to: ``number``, else the last one that differs from the current one.

        Where an update has begun and came to no end, the current one is what ran before.

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
        current = self.recorded
        if current and self.begun:
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
    """A project as release ``number`` says, because a newer one failed.

    ``release`` is on record since then: the same one, or what is known of it where hosts were ``silent`` and
    could not say what they remember.
    """

    project: Project
    desired: Desired
    number: int
    release: Release
    silent: tuple[str, ...] = ()


def past(project: Project, seen: Observed, backend: Backend, forks: int) -> Past:
    """Ask every host that answered what it remembers of a project."""
    answered = each(seen.answered(), lambda name: _remembered(backend, name, project.name), forks)
    told = {**seen.unreachable(), **answered}
    releases: dict[int, Release] = {}
    texts: dict[tuple[int, str], str] = {}
    silent: dict[str, Unreachable] = {}
    for host_name, stored in sorted(told.items()):
        if isinstance(stored, Unreachable):
            silent[host_name] = stored
            continue
        for one in stored:
            releases.setdefault(one.release.number, one.release)
            if one.manifest:
                texts[one.release.number, host_name] = one.manifest.text
    newest = seen.newest_release(project.name)
    ordered = tuple(releases[number] for number in sorted(releases))
    begun = newest is not None and _begun(project.name, newest, texts, seen)
    return Past(project.name, ordered, texts, newest.number if newest else 0, silent, begun)


def _begun(project_name: str, release: Release, texts: Mapping[tuple[int, str], str], seen: Observed) -> bool:
    """Whether a host holds a replica of another definition than the one of the release that it remembers."""
    for host_name, host in seen.answered().items():
        text = texts.get((release.number, host_name), "")
        if host_name in release.members and not text:
            continue  # nobody knows what should run there
        mine = (c for c in host.containers if c.replica and c.project == project_name)
        if any(container.spec not in text for container in mine):
            return True
    return False


def rolled_back(intent: Intent, pasts: Sequence[tuple[Past, Release]]) -> tuple[Intent, dict[str, Desired]]:
    """The intent that each project was, and the schedule that it had, for ``PlanPolicy.pinned``.

    A host of the release that is silent, or has left the inventory, keeps its replicas on paper: whoever
    plans has to take it for unreachable, whatever it says by then.

    Raises:
        Refused: a host of the release answers and does not remember it, or all of them are away.
    """
    projects, fixed, problems = [], {}, []
    for old, release in pasts:
        project = next(project for project in intent.projects if project.name == old.project)
        found = list(_problems(project, old, release, _members(intent, release)))
        problems += found
        if not found:
            projects.append(_project(project, old, release, _members(intent, release)))
            fixed[project.name] = _desired(project.name, release)
    if problems:
        raise Refused(problems)
    return replace(intent, projects=tuple(projects)), fixed


def kept(
    intent: Intent, project: Project, seen: Observed, backend: Backend, forks: int
) -> PinnedRelease | None:
    """A project as the release on record says; None where there is none, or its definitions cannot be had."""
    old = past(project, seen, backend, forks)
    if old.recorded is None:
        return None
    try:
        then, _ = rolled_back(intent, [(old, old.recorded)])
    except Refused:
        return None
    (project,) = then.projects
    return keeping(project, old, old.recorded, seen)


def keeping(project: Project, old: Past, release: Release, seen: Observed) -> PinnedRelease:
    """``project`` as ``rolled_back`` made it of ``release``, with what is on record of it since."""
    there = seen.newest_release(project.name) or release
    return PinnedRelease(
        project, _desired(project.name, release), release.number, there, tuple(sorted(old.silent))
    )


def _remembered(backend: Backend, host_name: str, project: str) -> Sequence[StoredRelease] | Unreachable:
    try:
        return backend.releases(host_name, project)
    except HostUnreachable as error:  # lost since it was looked at
        return Unreachable(error.message, error.hint, error.setup)


def _problems(
    project: Project, old: Past, release: Release, members: Mapping[str, Host]
) -> Iterator[Problem]:
    away = [name for name in release.members if name in old.silent or name not in members]
    for name in release.members:
        if name not in away and (release.number, name) not in old.texts:
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


def _project(project: Project, old: Past, release: Release, members: Mapping[str, Host]) -> Project:
    texts = {name: text for (number, name), text in old.texts.items() if number == release.number}
    hosts = {host.name: host for host in (*project.hosts, *members.values())}
    return replace(
        project,
        hosts=tuple(host for name, host in hosts.items() if name not in old.silent),
        services=tuple(_services(project, release, texts)),
        definitions=StoredDefinitions(texts),
    )


def _services(project: Project, release: Release, texts: Mapping[str, str]) -> list[Service]:
    """The services of the release, in the order of today's file, those that left it last."""
    order = [service.name for service in project.services]
    names = sorted(
        release.placements, key=lambda name: (order.index(name) if name in order else len(order), name)
    )
    found = []
    for name in names:
        hosts = [host for host, count in release.placements[name].items() if count and host in texts]
        if hosts:  # else it ran nowhere, or on hosts that are away: what it was, these know
            definition = stored_definition(texts[hosts[0]], hosts[0])
            then = stored_service(name, definition, project.service(name))
            found.append(replace(then, replicas=sum(release.placements[name].values())))
    return found


def _desired(project: str, release: Release) -> Desired:
    counts = {(s, host): n for s, hosts in release.placements.items() for host, n in hosts.items() if n}
    return Desired(project, counts)
