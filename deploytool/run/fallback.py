"""What a watcher holds instead of its files, where these cannot be carried out: the releases on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from deploytool.core.holdings import newest_release
from deploytool.core.patience import next_delay
from deploytool.model.desired import Desired
from deploytool.model.observed import Observed
from deploytool.model.service import Intent
from deploytool.run.rollback import Kept


@dataclass(frozen=True, slots=True)
class _Fallback:
    """``until_s`` is when the files are tried again; None where that makes no sense before they change."""

    kept: Kept
    why: str
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class Fallbacks:
    """By project, until the files change, or somebody brings about another release.

    ``tries`` is how often in a row an update could not even begin.
    """

    held: Mapping[str, _Fallback] = field(default_factory=dict)
    tries: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.held)

    def taken_back(self, kept: Kept) -> Fallbacks:
        """An update failed half way and was taken back: once is enough."""
        return replace(self, held={**self.held, kept.project.name: _Fallback(kept, "the update failed")})

    def put_off(self, kept: Kept, why: str, now_s: float) -> Fallbacks:
        """An update could not begin, and changed nothing: it is tried again, less and less often."""
        name = kept.project.name
        tries = self.tries.get(name, 0) + 1
        put_off = _Fallback(kept, f"the update could not begin: {why}", now_s + next_delay(tries + 1))
        return Fallbacks({**self.held, name: put_off}, {**self.tries, name: tries})

    def still(self, observed: Observed, now_s: float) -> Fallbacks:
        """Those of which it is not time yet, and whose release is still the one on record."""
        stays = {}
        for name, one in self.held.items():
            newest = newest_release(name, observed)
            same = newest is None or newest.digest == one.kept.release.digest
            if same and (one.until_s is None or now_s < one.until_s):
                stays[name] = one
        return self if stays.keys() == self.held.keys() else replace(self, held=stays)

    def instead(self, intent: Intent) -> tuple[Intent, dict[str, Desired]]:
        """The intent with these projects as they were, and their schedules, for ``Planner.fixed``."""
        kept = {name: one.kept for name, one in self.held.items()}
        projects = tuple(kept[p.name].project if p.name in kept else p for p in intent.projects)
        return replace(intent, projects=projects), {name: one.desired for name, one in kept.items()}

    def objection(self, project_name: str) -> str:
        """Why not to touch a project, although its release is kept; empty where it may be touched."""
        one = self.held.get(project_name)
        if one is None or not one.kept.silent:
            return ""
        silent = ", ".join(one.kept.silent)
        return (
            f"release {one.kept.number} is kept, and {silent} did not answer when the update failed,"
            " so nobody knows what is to run there: bring the files up to date, or converge"
        )

    @property
    def next_s(self) -> float | None:
        """When the next one ends by time alone; None where none does."""
        return min((one.until_s for one in self.held.values() if one.until_s is not None), default=None)

    @property
    def sentences(self) -> dict[str, str]:
        """Why these projects are not as the files say."""
        found = {}
        for name, one in self.held.items():
            until = "until the files change, since" if one.until_s is None else "meanwhile, since"
            found[name] = f"release {one.kept.number} is kept {until} {one.why}"
        return found
