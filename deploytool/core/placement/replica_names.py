"""Names of replicas, and the replicas that a name stands for.

A replica is called ``SERVICE/N``: the N-th of its service by host and container number, over all hosts. That
is how ``ps`` lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from deploytool.errors import UsageError
from deploytool.model.container import Container
from deploytool.model.intent import Intent
from deploytool.model.observed import Observed


@dataclass(frozen=True, slots=True)
class Replica:
    """A container of ours on a host, and its number among those of its service."""

    host: str
    number: int
    container: Container

    @property
    def name(self) -> str:
        return f"{self.container.service}/{self.number}"


@dataclass(frozen=True, slots=True)
class ReplicaRef:
    """One service of one project, and which of its replicas; 0 for any."""

    project: str
    service: str
    number: int = 0


def replicas(observed: Observed, projects: Iterable[str] | None = None) -> tuple[Replica, ...]:
    """All replicas on hosts that answered, by project, service and number; of ``projects`` only, if given."""
    named = None if projects is None else set(projects)
    found: dict[tuple[str, str], list[tuple[str, Container]]] = {}
    for host_name, container in observed.containers():
        if container.replica and (named is None or container.project in named):
            found.setdefault((container.project, container.service), []).append((host_name, container))
    return tuple(
        Replica(host_name, number, container)
        for _, held in sorted(found.items())
        for number, (host_name, container) in enumerate(sorted(held, key=_order), 1)
    )


def wanted_services(names: Sequence[str], intent: Intent) -> tuple[ReplicaRef, ...]:
    """The services that were named, ``SERVICE`` or ``PROJECT/SERVICE``; all of them where none was.

    Raises:
        UsageError: a name that no play knows; the hint has the nearest one.
    """
    if not names:
        return tuple(ReplicaRef(p.name, s.name) for p in intent.projects for s in p.services)
    return tuple(dict.fromkeys(one for name in names for one in _named(name, intent)))


def wanted_replica(name: str, intent: Intent) -> ReplicaRef:
    """The one that was named: ``SERVICE``, ``SERVICE/N`` or either behind ``PROJECT/``.

    Raises:
        UsageError: a name that no play knows, or that several projects know.
    """
    words, _, last = name.rpartition("/")
    number = int(last) if words and last.isdecimal() else 0
    if words and last.isdecimal() and number < 1:
        raise UsageError(f"'{name}': replicas are counted from 1")
    found = _named(words if number else name, intent)
    if len(found) > 1:
        choices = ", ".join(f"{one.project}/{one.service}" for one in found)
        raise UsageError(
            f"several projects have a service '{found[0].service}'", hint=f"write one of {choices}"
        )
    return ReplicaRef(found[0].project, found[0].service, number)


def choose(wanted: ReplicaRef, there: Sequence[Replica]) -> Replica:
    """The replica that was named; of any, the first that is healthy, or else runs.

    Raises:
        UsageError: there is none, it does not run, or there are fewer.
    """
    mine = [
        r for r in there if (r.container.project, r.container.service) == (wanted.project, wanted.service)
    ]
    if not mine:
        raise UsageError(
            f"no replica of {wanted.service} is on a host that answered", hint="see deploytool ps"
        )
    if wanted.number > len(mine):
        raise UsageError(
            f"{wanted.service} has no replica {wanted.number}, only {len(mine)}", hint="see deploytool ps"
        )
    if wanted.number:
        mine = [mine[wanted.number - 1]]
    running = [r for r in mine if r.container.running]
    if not running:
        states = ", ".join(f"{r.name} on {r.host} is {r.container.state}" for r in mine)
        raise UsageError(f"{wanted.service} does not run: {states}", hint="see deploytool logs")
    return next((r for r in running if r.container.healthy), running[0])


def _order(held: tuple[str, Container]) -> tuple[str, int, str]:
    host_name, container = held
    return host_name, container.number, container.name


def _named(name: str, intent: Intent) -> tuple[ReplicaRef, ...]:
    project, slash, service = name.rpartition("/")
    known: Mapping[str, list[ReplicaRef]] = _known(intent, qualified=bool(slash))
    if name in known:
        return tuple(known[name])
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
    where = f" in project '{project}'" if slash else ""
    raise UsageError(f"there is no service '{service}'{where}", hint=hint)


def _known(intent: Intent, *, qualified: bool) -> dict[str, list[ReplicaRef]]:
    known: dict[str, list[ReplicaRef]] = {}
    for project in intent.projects:
        for service in project.services:
            name = f"{project.name}/{service.name}" if qualified else service.name
            known.setdefault(name, []).append(ReplicaRef(project.name, service.name))
    return known
