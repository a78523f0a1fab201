"""The schedule: (service, host) → replicas, and its reasons in words.

The rules, in the order in which they apply and each with an example, are in docs/scheduling.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from deploytool.core.placement.allocator import Allocator, Allotment
from deploytool.core.placement.capacity import Claim
from deploytool.core.placement.filter_reasons import count_reasons
from deploytool.errors import NoHost, Problem, UsageError
from deploytool.model.desired import Desired
from deploytool.model.intent import Project
from deploytool.model.observed import Observed, Unreachable

__all__ = [
    "NO_POLICY",
    "Claim",
    "SchedulePolicy",
    "Verdict",
    "decide",
    "explain",
    "lost_majority",
    "schedule",
]


@dataclass(frozen=True, slots=True)
class SchedulePolicy:
    """The permissions of a person. ``move_volumes``: the services whose data may be left behind.

    ``reschedule_unreachable`` has no effect where ``lost_majority`` holds. ``given_up`` are the hosts, each
    with a project, that were silent for so long that it holds for them alone. ``doubtful`` hosts are chosen
    last.
    """

    reschedule_unreachable: bool = False
    move_volumes: frozenset[str] = frozenset()
    given_up: frozenset[tuple[str, str]] = frozenset()
    doubtful: frozenset[str] = frozenset()


NO_POLICY = SchedulePolicy()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about one service on one host.

    ``because`` is why the host was chosen, ``reason`` why it takes no more; empty where that is not so.
    """

    host: str
    kept: int
    chosen: int
    because: str = ""
    reason: str = ""

    @property
    def text(self) -> str:
        """In words: ``kept 1, chosen for 1 (had 1 of web, 3 in all); takes no more: is paused``."""
        parts = [f"kept {self.kept}"] if self.kept else []
        parts += [f"chosen for {self.chosen} ({self.because})"] if self.chosen else []
        if not parts:
            return f"refused: {self.reason}" if self.reason else "not needed: others come first"
        return ", ".join(parts) + (f"; takes no more: {self.reason}" if self.reason else "")


def schedule(
    project: Project, observed: Observed, *, policy: SchedulePolicy = NO_POLICY, claims: Sequence[Claim] = ()
) -> Desired:
    """Choose a host for every replica, deterministically.

    A replica stays where it runs while every filter still passes. Unreachable hosts keep their replicas on
    paper and receive none. Ties go to the host whose name sorts first. ``claims`` are the projects of the
    same run that are scheduled already.

    Raises:
        NoHost: says for each service how many replicas have no host, and counts the hosts per reason.

    Source: the rules of docs/scheduling.md; spread as in SwarmKit's allocator tree.
    """
    allocator = decide(project, observed, policy, claims)
    homeless = [a for a in allocator.allotments.values() if a.missing or a.stuck]
    if homeless:
        raise NoHost(_problem(allocator, allotment) for allotment in homeless)
    return _desired(project, allocator)


def explain(
    project: Project,
    observed: Observed,
    service_name: str,
    *,
    policy: SchedulePolicy = NO_POLICY,
    claims: Sequence[Claim] = (),
) -> tuple[Verdict, ...]:
    """Say for each host, by name, what ``schedule`` decides about a service, and why; also where that fails.

    Raises:
        UsageError: the project has no such service.
    """
    allocator = decide(project, observed, policy, claims)
    allotment = allocator.allotments.get(service_name)
    if allotment is None:
        near = get_close_matches(service_name, allocator.allotments, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(allocator.allotments)}"
        raise UsageError(f"project '{project.name}' has no service '{service_name}'", hint=hint)
    hosts = sorted({*allocator.hosts, *allotment.refused_data})
    return tuple(_verdict(allocator, allotment, host) for host in hosts)


def lost_majority(project: Project, observed: Observed) -> bool:
    """True where more than half of the play's hosts did not answer: the fault is then likely on this side."""
    lost = sum(host.name not in observed.answered() for host in project.hosts)
    return 2 * lost > len(project.hosts)


def decide(
    project: Project, observed: Observed, policy: SchedulePolicy, claims: Sequence[Claim]
) -> Allocator:
    """The allocation behind ``schedule`` and ``explain``; it ends also where a replica has no host."""
    silent = {host.name for host in project.hosts if isinstance(observed.get(host.name), Unreachable)}
    every = policy.reschedule_unreachable
    lost = {name for name in silent if every or (project.name, name) in policy.given_up}
    return Allocator(
        project,
        observed,
        claims,
        lost=frozenset() if lost_majority(project, observed) else frozenset(lost),
        move_volumes=policy.move_volumes,
        doubtful=policy.doubtful,
    )


def _desired(project: Project, allocator: Allocator) -> Desired:
    counts = {
        (name, host): count
        for name, allotment in allocator.allotments.items()
        for host in sorted({*allotment.kept, *allotment.placed})
        if (count := allotment.count(host))
    }
    return Desired(project.name, counts)


def _verdict(allocator: Allocator, allotment: Allotment, host_name: str) -> Verdict:
    kept, chosen = allotment.kept.get(host_name, 0), allotment.placed.get(host_name, 0)
    because = f"had {kept} of {allotment.service.name}, {allotment.found[host_name]} in all" if chosen else ""
    reason = allocator.filter_reason(allotment, host_name)
    return Verdict(host_name, kept, chosen, because, str(reason) if reason else "")


def _sentence(allocator: Allocator, allotment: Allotment) -> str:
    number = allotment.missing + allotment.stuck
    have = (
        "replica has"
        if number == allotment.wanted == 1
        else "replicas has"
        if number == 1
        else "replicas have"
    )
    return f"{allotment.service.name}: {number} of {allotment.wanted} {have} no host: " + "; ".join(
        filter(None, (_where_the_data_is(allotment), _why_missing(allocator, allotment)))
    )


def _where_the_data_is(allotment: Allotment) -> str:
    if not allotment.stuck:
        return ""
    places = [f"on {host}, which {reason.one}" for host, reason in sorted(allotment.refused_data.items())]
    return f"data is {' and '.join(places)}"


def _why_missing(allocator: Allocator, allotment: Allotment) -> str:
    if not allotment.missing:
        return ""
    hosts = allotment.full if allotment.service.mode.is_global else allocator.hosts
    reasons = [allocator.filter_reason(allotment, host) for host in hosts]
    return count_reasons(reason for reason in reasons if reason) or "the play has no hosts"


def _problem(allocator: Allocator, allotment: Allotment) -> Problem:
    name = allotment.service.name
    hint = f"--move-volumes {name} starts {name} elsewhere and leaves its data behind"
    sentence = _sentence(allocator, allotment)
    return Problem(allotment.service.place, sentence, hint if allotment.stuck else "")
