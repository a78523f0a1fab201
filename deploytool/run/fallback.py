"""What a watcher holds instead of its files: releases that failed updates were taken back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deploytool.core.holdings import newest_release
from deploytool.model.desired import Desired
from deploytool.model.observed import Observed
from deploytool.model.service import Intent
from deploytool.run.rollback import Kept


class Fallbacks:
    """By project, until the files change, or somebody brings about another release."""

    def __init__(self, kept: Mapping[str, Kept] | None = None) -> None:
        self._kept = dict(kept or {})

    def __bool__(self) -> bool:
        return bool(self._kept)

    def beside(self, kept: Mapping[str, Kept]) -> Fallbacks:
        """These and more."""
        return Fallbacks({**self._kept, **kept})

    def still(self, observed: Observed) -> Fallbacks:
        """Those whose release is still the one on record."""
        stays = {}
        for name, one in self._kept.items():
            newest = newest_release(name, observed)
            if newest is None or newest.digest == one.release.digest:
                stays[name] = one
        return self if stays.keys() == self._kept.keys() else Fallbacks(stays)

    def instead(self, intent: Intent) -> tuple[Intent, dict[str, Desired]]:
        """The intent with these projects as they were, and their schedules, for ``Planner.fixed``."""
        projects = (self._kept[p.name].project if p.name in self._kept else p for p in intent.projects)
        return replace(intent, projects=tuple(projects)), {n: one.desired for n, one in self._kept.items()}

    def objection(self, project_name: str) -> str:
        """Why not to touch a project, although it was taken back; empty where it may be touched."""
        one = self._kept.get(project_name)
        if one is None or not one.silent:
            return ""
        return (
            f"it was taken back to release {one.number} while {', '.join(one.silent)} did not answer,"
            " so nobody knows what is to run there: bring the files up to date, or converge"
        )

    @property
    def sentences(self) -> dict[str, str]:
        """Why these projects are not as the files say."""
        return {
            name: f"release {one.number} is kept until the files change, since the update failed"
            for name, one in self._kept.items()
        }
