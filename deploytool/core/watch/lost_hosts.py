"""Lost hosts: unreachable ones that are given up, so that their replicas are started elsewhere.

Never from an incomplete view: as long as a host has only just fallen silent, it may be the network, and
nobody knows what runs there. Never more than half of the fleet, for the same reason. A host that somebody
has to set right (another host key, no Docker) is known to be there and is not given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deploytool.model.intent import Project


@dataclass(frozen=True, slots=True)
class Away:
    """A host that does not answer, for so many seconds; ``setup``: a person has to set it right."""

    seconds: float
    setup: bool = False


def given_up(project: Project, away: Mapping[str, Away], after_s: float | None, fleet: int) -> frozenset[str]:
    """The hosts of a play that were silent for ``after_s``; none where there is any doubt.

    ``away`` are all hosts of the fleet that do not answer, ``fleet`` is how many it has.
    """
    if after_s is None:
        return frozenset()
    lost = {host: gone for host, gone in away.items() if not gone.setup}
    mine = {host.name: lost[host.name] for host in project.hosts if host.name in lost}
    if any(gone.seconds < after_s for gone in mine.values()):
        return frozenset()
    if 2 * len(mine) > len(project.hosts) or 2 * len(lost) > fleet:
        return frozenset()
    return frozenset(mine)


def why_not(project: Project, away: Mapping[str, Away], after_s: float | None, fleet: int) -> str:
    """The reason for which hosts are not given up although it is time; empty where none is kept back."""
    lost = {host: gone for host, gone in away.items() if not gone.setup}
    mine = {host.name: lost[host.name] for host in project.hosts if host.name in lost}
    if after_s is None or not mine or all(gone.seconds < after_s for gone in mine.values()):
        return ""
    if 2 * len(mine) > len(project.hosts):
        return (
            f"{len(mine)} of {len(project.hosts)} hosts do not answer: the network is broken, not the fleet"
        )
    if 2 * len(lost) > fleet:
        return f"{len(lost)} of {fleet} hosts do not answer: the network is broken, not the fleet"
    return ""


def next_decision(projects: Iterable[tuple[Project, float | None]], away: Mapping[str, Away]) -> float | None:
    """In how many seconds the next host is to be given up, as far as is known; None where none is."""
    left = [
        after_s - away[host.name].seconds
        for project, after_s in projects
        for host in project.hosts
        if after_s is not None and host.name in away and not away[host.name].setup
    ]
    return min((seconds for seconds in left if seconds > 0), default=None)
