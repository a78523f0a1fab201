"""Guards: refusals of what was asked for, each with its arithmetic and the flag that lifts it.

A count that is written in the file, 0 included, is an explanation and passes. What *vanished* from the
files (a service, a host, a variable that changed a pattern) is not, when it would cost much.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from deploytool.core.change.reconcile import Change
from deploytool.errors import HostsUnusable, Place, Problem, Refused
from deploytool.model.intent import Project
from deploytool.model.inventory import Host, HostState
from deploytool.model.observed import Observed, Unreachable

VANISHED_LIMIT = 1 / 3


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """The refusals that a person lifted, each by its flag."""

    allow_vanished: bool = False
    adopt: bool = False
    take_over: bool = False
    allow_partial: bool = False

    @property
    def midway(self) -> GuardPolicy:
        """For a change that passed and has begun: what it did itself does not count against it."""
        return replace(self, allow_vanished=True, allow_partial=True)


def unusable(host_names: Iterable[str], observed: Observed, limit: frozenset[str] | None) -> None:
    """Refuse to begin while a host has to be set right by somebody: it would be planned around for good.

    A host that merely does not answer is not meant: the others go on without it.

    Raises:
        HostsUnusable: a changed host key, no Docker, no permission; on hosts that ``limit`` covers.
    """
    problems, unreachable = [], observed.unreachable()
    for name in host_names:
        seen = unreachable.get(name)
        if seen and seen.setup and (limit is None or name in limit):
            leave_out = f"or leave it out with --limit 'all:!{name}'"
            problems.append(
                Problem(Place(name), seen.reason, "; ".join(filter(None, [seen.hint, leave_out])))
            )
    if problems:
        raise HostsUnusable(problems)


def guard(project: Project, changes: Sequence[Change], observed: Observed, policy: GuardPolicy) -> None:
    """Refuse what is likely a mistake.

    Raises:
        Refused: with every reason; each hint names its flag.
    """
    problems = [
        *_vanished(project, changes, observed, policy),
        *_foreign(project, observed, policy),
        *_owned_by_another(project, observed, policy),
        *_partial(project, changes, observed, policy),
    ]
    if problems:
        raise Refused(problems)


def _problem(project: Project, message: str, hint: str) -> Problem:
    return Problem(Place(project.place.file, project.place.line), f"project {project.name}: {message}", hint)


def _vanished(
    project: Project, changes: Sequence[Change], observed: Observed, policy: GuardPolicy
) -> Iterator[Problem]:
    in_play = {host.name: host for host in project.hosts}
    misfits = [change for change in changes if _is_misfit(project, change, in_play.get(change.host))]
    gone = [c for c in changes if not project.service(c.service) or c.host not in in_play] + misfits
    lost = sum(container.healthy for change in gone for container in change.stop)
    healthy = sum(container.healthy for _, container in observed.replicas(project.name))
    if policy.allow_vanished or not healthy or lost <= healthy * VANISHED_LIMIT:
        return
    yield _problem(
        project,
        f"{lost} of {healthy} healthy replicas would be stopped, more than a third, because"
        f" {' and '.join(_what_vanished(project, gone, misfits, in_play))}",
        "was that meant? Write replicas: 0 to stop a service, deploytool_state: drain to empty a host, or"
        f" pass --allow-vanished{f'; plan --explain {misfits[0].service} says why' if misfits else ''}",
    )


def _what_vanished(
    project: Project, gone: Iterable[Change], misfits: Iterable[Change], in_play: Collection[str]
) -> Iterator[str]:
    """Predicates of ``because``."""
    services = {f"service {c.service}" for c in gone if not project.service(c.service)}
    hosts = {f"host {c.host}" for c in gone if c.host not in in_play}
    if services or hosts:
        yield f"{_listed(sorted(services | hosts))} vanished from the files"
    for name in sorted({change.service for change in misfits}):
        left = [change.host for change in misfits if change.service == name]
        yield f"the global service {name} has no place on {_listed(left)} any more"


def _is_misfit(project: Project, change: Change, host: Host | None) -> bool:
    """True where a global service leaves a host that keeps something: only its count explains that.

    A label, a group or a constraint has changed, and a global service has no count. What is replicated goes
    elsewhere instead, or is refused for want of a host.
    """
    service = project.service(change.service)
    if service is None or host is None or host.state is HostState.DRAIN or not service.mode.is_global:
        return False
    return len(change.stop) == change.there > 0


def _foreign(project: Project, observed: Observed, policy: GuardPolicy) -> Iterator[Problem]:
    foreign = [
        f"{container.name} on {host_name}"
        for host_name, container in observed.containers()
        if container.project == project.name and not container.ours and not container.oneoff
    ]
    if foreign and not policy.adopt:
        yield _problem(
            project,
            f"containers of the same project name were not started by deploytool: {_listed(foreign)}",
            "choose another project name, or pass --adopt to replace them",
        )


def _owned_by_another(project: Project, observed: Observed, policy: GuardPolicy) -> Iterator[Problem]:
    release = observed.newest_release(project.name)
    if release and release.play and release.play != project.play and not policy.take_over:
        yield _problem(
            project,
            f"on the hosts it belongs to the play '{release.play}', and this is '{project.play}'",
            "choose another project name, or pass --take-over if the play was renamed",
        )


def _partial(
    project: Project, changes: Sequence[Change], observed: Observed, policy: GuardPolicy
) -> Iterator[Problem]:
    """No host that answered knows the project: it may run, unseen, on those that did not."""
    unseen = [host.name for host in project.hosts if isinstance(observed.get(host.name), Unreachable)]
    starts = sum(change.start for change in changes)
    known = observed.newest_release(project.name) is not None
    if policy.allow_partial or known or not starts or 2 * len(unseen) <= len(project.hosts):
        return
    yield _problem(
        project,
        f"{len(unseen)} of {len(project.hosts)} hosts did not answer and no other knows of the project:"
        f" starting {starts} replicas might make second copies of what runs there",
        "bring the hosts back, or pass --allow-partial if nothing runs on them",
    )


def _listed(names: Iterable[str], most: int = 5) -> str:
    shown = list(names)
    more = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {more} more" if more > 0 else "")
