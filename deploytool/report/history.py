"""Releases → a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deploytool.model.release import Release
from deploytool.report.sanitize import sanitize

_HEAD = ("RELEASE", "WHEN", "WHO", "COMMIT", "CHANGED", "REPLICAS", "OUTCOME")


@dataclass(frozen=True, slots=True)
class History:
    """A project's releases, oldest first, and the number of the current one."""

    project: str
    releases: Sequence[Release]
    current: int


def history_text(histories: Iterable[History]) -> str:
    """One line a release or attempt, newest first; the current one is marked. Ends with a line break."""
    return "".join(sanitize(_project_text(history)) for history in histories)


def history_json(histories: Iterable[History]) -> str:
    """One document: project → its releases, oldest first."""
    return json.dumps({one.project: _project_json(one) for one in histories}, indent=2) + "\n"


def _project_text(history: History) -> str:
    if not history.releases:
        return f"{history.project}: no releases yet\n"
    rows = [_HEAD, *(_row(release, history.current) for release in reversed(history.releases))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join([history.project, *(f"  {line}" for line in lines)]) + "\n"


def _project_json(history: History) -> list[dict[str, object]]:
    return [
        {
            "release": release.number,
            "current": release.number == history.current,
            "when": release.when,
            "who": release.who,
            "commit": release.commit,
            "play": release.play,
            "changed": list(release.changed),
            "placements": {service: dict(hosts) for service, hosts in release.placements.items()},
            "outcome": release.outcome,
        }
        for release in history.releases
    ]


def _row(release: Release, current: int) -> tuple[str, ...]:
    return (
        f"{release.number}{'*' * (release.number == current)}",
        release.when,
        release.who,
        release.commit[:10] or "-",
        ", ".join(release.changed) or "-",
        _replicas(release),
        release.outcome,
    )


def _replicas(release: Release) -> str:
    """``web 6 on 3, cache 1 on 1``."""
    parts = (
        f"{service} {sum(hosts.values())} on {sum(1 for n in hosts.values() if n)}"
        for service, hosts in sorted(release.placements.items())
    )
    return ", ".join(parts) or "nothing"
