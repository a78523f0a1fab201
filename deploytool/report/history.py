"""Releases → a table."""

from __future__ import annotations

from collections.abc import Sequence

from deploytool.model.observed import Release


def history_text(project: str, releases: Sequence[Release], current: int) -> str:
    """One line a release, newest first; the current one is marked. Ends with a line break."""
    if not releases:
        return f"{project}: no releases yet\n"
    rows = [("RELEASE", "WHEN", "WHO", "COMMIT", "REPLICAS", "OUTCOME")]
    for release in reversed(releases):
        mark = "*" if release.number == current else ""
        commit = release.commit[:10] or "-"
        rows.append(
            (
                f"{release.number}{mark}",
                release.when,
                release.who,
                commit,
                _replicas(release),
                release.outcome,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join([project, *(f"  {line}" for line in lines)]) + "\n"


def _replicas(release: Release) -> str:
    """``web 6 on 3, cache 1 on 1``."""
    parts = (
        f"{service} {sum(hosts.values())} on {sum(1 for n in hosts.values() if n)}"
        for service, hosts in sorted(release.placements.items())
    )
    return ", ".join(parts) or "nothing"
