"""Releases → a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deploytool.model.release import Release

_HEAD = ("RELEASE", "WHEN", "WHO", "COMMIT", "CHANGED", "REPLICAS", "OUTCOME")


def history_text(project: str, releases: Sequence[Release], current: int) -> str:
    """One line a release or attempt, newest first; the current one is marked. Ends with a line break."""
    if not releases:
        return f"{project}: no releases yet\n"
    rows = [_HEAD, *(_row(release, current) for release in reversed(releases))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join([project, *(f"  {line}" for line in lines)]) + "\n"


def history_json(releases: Sequence[Release], current: int) -> list[Mapping[str, object]]:
    """The same for programs, oldest first."""
    return [
        {
            "release": release.number,
            "current": release.number == current,
            "when": release.when,
            "who": release.who,
            "commit": release.commit,
            "play": release.play,
            "changed": list(release.changed),
            "placements": {service: dict(hosts) for service, hosts in release.placements.items()},
            "outcome": release.outcome,
        }
        for release in releases
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
