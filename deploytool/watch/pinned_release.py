"""Releases that a watcher keeps in place of its files, where these cannot be carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from deploytool.core.watch.backoff import next_delay
from deploytool.model.desired import Desired
from deploytool.model.intent import Intent, Project
from deploytool.model.observed import Observed
from deploytool.model.release import Release
from deploytool.run.rollback import PinnedRelease

LOOK_AGAIN_S = 60.0  # a project that cannot be planned now may be possible when other hosts answer

Before = tuple[Project, Desired | None]  # a project as it was planned, and its schedule where that was fixed


@dataclass(frozen=True, slots=True)
class _PinnedRelease:
    """A project as it was before, its schedule where that is fixed, and the release that was recorded then.

    ``sentence`` tells the user that it is kept, ``objection`` that not even that may be changed. ``until_s``
    is the time at which the files are tried again; None: not before they change.
    """

    project: Project
    desired: Desired | None
    release: Release | None
    sentence: str
    objection: str = ""
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class PinnedReleases:
    """The pinned releases by project, until the files change or another run makes another release.

    ``tries`` has the number of updates in a row that could not be prepared.
    """

    held: Mapping[str, _PinnedRelease] = field(default_factory=dict)
    tries: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.held)

    def taken_back(self, kept: PinnedRelease) -> PinnedReleases:
        """Pin the release to which a failed update was rolled back: the update is not tried again."""
        sentence = f"release {kept.number} is kept until the files change, since the update failed"
        return self._with(_of(kept, sentence))

    def put_off(self, kept: PinnedRelease, why: str, now_s: float) -> PinnedReleases:
        """Pin the release of an update that could not be prepared: it is tried again, with back-off."""
        name = kept.project.name
        tries = self.tries.get(name, 0) + 1
        sentence = f"release {kept.number} is kept meanwhile, since the update could not begin: {why}"
        until_s = now_s + next_delay(tries + 1)
        return replace(self._with(_of(kept, sentence, until_s)), tries={**self.tries, name: tries})

    def as_before(self, before: Before, why: str, observed: Observed, now_s: float) -> PinnedReleases:
        """Pin the project as it was planned before its files changed, since they cannot be planned now."""
        project, desired = before
        sentence = f"it is kept as the files said before, since what they say now cannot be: {why}"
        release = observed.newest_release(project.name)
        return self._with(_PinnedRelease(project, desired, release, sentence, until_s=now_s + LOOK_AGAIN_S))

    def _with(self, one: _PinnedRelease) -> PinnedReleases:
        return replace(self, held={**self.held, one.project.name: one})

    def still(self, observed: Observed, now_s: float) -> PinnedReleases:
        """Those whose time is not over, and whose release is still the recorded one."""
        stays = {}
        for name, one in self.held.items():
            newest = observed.newest_release(name)
            same = newest is None or one.release is None or newest.digest == one.release.digest
            if same and (one.until_s is None or now_s < one.until_s):
                stays[name] = one
        return self if stays.keys() == self.held.keys() else replace(self, held=stays)

    def instead(self, intent: Intent) -> tuple[Intent, dict[str, Desired]]:
        """The intent with these projects in place of the files', and their schedules by project."""
        held = self.held
        projects = tuple(held[p.name].project if p.name in held else p for p in intent.projects)
        fixed = {name: one.desired for name, one in held.items() if one.desired is not None}
        return replace(intent, projects=projects), fixed

    def objection(self, project_name: str) -> str:
        """The reason for which not even the pinned project may be changed; empty where it may be."""
        return self.held[project_name].objection if project_name in self.held else ""

    @property
    def next_s(self) -> float | None:
        """The time at which the first of them ends; None where none ends by time."""
        return min((one.until_s for one in self.held.values() if one.until_s is not None), default=None)

    @property
    def sentences(self) -> dict[str, str]:
        """The reason, by project, for which it is not as its files say."""
        return {name: one.sentence for name, one in self.held.items()}


def _of(kept: PinnedRelease, sentence: str, until_s: float | None = None) -> _PinnedRelease:
    objection, unreachable = "", ", ".join(kept.unreachable)
    if unreachable:
        objection = (
            f"release {kept.number} is kept, and {unreachable} did not answer when the update failed,"
            " so nobody knows what is to run there: bring the files up to date, or converge"
        )
    return _PinnedRelease(kept.project, kept.desired, kept.release, sentence, objection, until_s)
