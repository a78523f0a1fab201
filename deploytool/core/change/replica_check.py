"""The containers found on a host: in place, to restart, to replace or broken, each with its cause."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from deploytool.model.backing_off import NONE_BACKING_OFF, BackingOff
from deploytool.model.container import Container, ContainerState, Health
from deploytool.model.desired import Spec
from deploytool.model.observed import ObservedHost
from deploytool.model.policies import RestartKind, RestartPolicy
from deploytool.model.str_enum import StrEnum, assert_never

# Docker Compose gives a container this name while it recreates it; an interrupted run leaves it behind.
_RENAMED = re.compile(r"[0-9a-f]{12}_.+")
_WHOLE_ID = 64
_CURABLE = (ContainerState.EXITED, ContainerState.CREATED, ContainerState.PAUSED, ContainerState.RESTARTING)


@dataclass(frozen=True, slots=True)
class Found:
    """The project's containers on one host, by service. ``now_s`` is the host's clock.

    ``cut_off``: id → the cause for which a running container has no network.
    """

    services: Mapping[str, Sequence[Container]]
    now_s: float
    cut_off: Mapping[str, str]


def found_on(project_name: str, host: ObservedHost, *, adopt: bool) -> Found:
    """The containers of a project on a host; with ``adopt``, also those that deploytool did not start."""
    found: dict[str, list[Container]] = {}
    for container in host.containers:
        mine = container.ours or adopt
        if mine and container.project == project_name and container.service and not container.oneoff:
            found.setdefault(container.service, []).append(container)
    return Found(found, host.facts.now_s, _cut_off(host.containers))


def _cut_off(containers: Sequence[Container]) -> dict[str, str]:
    """A container that shares another one's network loses it for good when that one ends or starts anew."""
    known = {name: container for container in containers for name in (container.name, container.id)}
    found = {}
    for one in containers:
        owner = known.get(one.network_of)
        # Of a short id nobody can tell whether it is gone.
        if one.running and (owner or len(one.network_of) == _WHOLE_ID):
            if owner is None or not owner.running:
                found[one.id] = "lost its network with the container that it belongs to"
            elif owner.started_s > one.started_s:
                found[one.id] = f"lost its network when {owner.name} was started again"
    return found


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for the containers of one service. ``finishes``: its goal is to end with exit code 0.

    ``respected``: a container that ended stays so where ``restart`` says so: under ``no`` always, under
    ``on-failure`` after exit code 0 or the last try. ``settle_s``: without a healthcheck, a replica is ready
    once it has run for so long.
    """

    name: str
    in_file: bool = False
    finishes: bool = False
    respected: bool = False
    restart: RestartPolicy = RestartPolicy()
    backing_off: BackingOff = NONE_BACKING_OFF
    settle_s: float = 0.0


class Fate(StrEnum):
    """The change that one container needs."""

    IN_PLACE = "in place"
    RESTART = "restart"
    REPLACE = "replace"  # it works until its successor is there
    BROKEN = "broken"  # it does not work, and is replaced


class Rank(IntEnum):
    """The order in which containers are kept when there are too many."""

    READY = 0
    UNREADY = 1  # in place, but starting
    OUTDATED = 2
    ILL = 3
    OUTDATED_AND_ILL = 4


# Read once: before Python 3.12 a member is slow to get from its class, and a fleet has many containers.
IN_PLACE, RESTART, REPLACE, BROKEN = Fate
READY, UNREADY, OUTDATED, ILL, OUTDATED_AND_ILL = Rank


class Judgement(NamedTuple):
    """Sorts by rank, then by number; names on a host are unique."""

    rank: Rank
    number: int
    name: str
    fate: Fate
    cause: str
    container: Container


def judge(container: Container, rules: Rules, spec: Spec | None, there: Found, *, leaves: bool) -> Judgement:
    """The fate of one container; ``leaves``: its host is to keep nothing that runs."""
    rank, fate, cause = _verdict(container, rules, spec, there, leaves=leaves)
    return Judgement(rank, container.number, container.name, fate, cause, container)


def is_renamed(container: Container) -> bool:
    """An interrupted Compose run left it under another name; it may work all the same."""
    return bool(_RENAMED.fullmatch(container.name))


def _verdict(
    container: Container, rules: Rules, spec: Spec | None, there: Found, *, leaves: bool
) -> tuple[Rank, Fate, str]:
    now_s = there.now_s
    if rules.finishes and leaves and container.completed:
        return READY, IN_PLACE, ""  # on record only: here it would not run again
    current = spec is not None and container.spec == spec.digest and not container.let_go
    illness = there.cut_off.get(container.id, "")
    if not illness and not _is_well_enough(container, rules, now_s):
        illness = _illness(container, now_s)
    cause = f"{container.name} {illness}" if illness else ""
    if is_renamed(container):
        current, cause = False, f"{container.name} was left by an interrupted Compose run"
    if not current:
        outdated = (OUTDATED, REPLACE, cause)
        return (OUTDATED_AND_ILL, BROKEN, cause) if illness else outdated
    if not illness:
        unready = _is_unready(container, rules, now_s)
        return UNREADY if unready else READY, IN_PLACE, ""
    if container.id in rules.backing_off.containers:
        return ILL, IN_PLACE, ""
    # A restart cures what merely stopped. What is stuck, or is sick while it runs, is made anew.
    curable = container.state in _CURABLE or container.loops(now_s)
    return ILL, RESTART if curable else BROKEN, cause


def _is_unready(container: Container, rules: Rules, now_s: float) -> bool:
    if container.health or not container.running or rules.finishes:
        return container.starting
    return container.started_s > 0 and now_s - container.started_s < rules.settle_s


def _illness(container: Container, now_s: float) -> str:
    """The fault of a container, as the predicate of a sentence; empty without one."""
    match container.state:
        case ContainerState.RUNNING:
            if container.loops(now_s):
                return f"restarts in a loop ({container.restarts} times so far)"
            return "is unhealthy" if container.health == Health.UNHEALTHY else ""
        case ContainerState.EXITED:
            oom = ", out of memory" if container.oom_killed else ""
            return f"exited ({container.exit_code}{oom})"
        case ContainerState.CREATED:
            return f"was never started{f': {container.error}' if container.error else ''}"
        case ContainerState.RESTARTING:
            return f"restarts in a loop ({container.exit_code})"
        case ContainerState.REMOVING:
            return "is being removed"
        case ContainerState.PAUSED | ContainerState.DEAD | ContainerState.UNKNOWN:
            return f"is {container.state}"
        case _:
            return assert_never(container.state)


def _is_well_enough(container: Container, rules: Rules, now_s: float) -> bool:
    """It ended as it should, or Docker restarts it by itself."""
    if container.loops(now_s):
        return rules.respected
    if not container.exited:
        return False
    return (rules.finishes and container.completed) or (rules.respected and _stays_ended(container, rules))


def _stays_ended(container: Container, rules: Rules) -> bool:
    match rules.restart.kind:
        case RestartKind.NO:
            return True
        case RestartKind.ON_FAILURE:
            return container.completed or 0 < rules.restart.tries <= container.restarts
        case RestartKind.SILENT | RestartKind.ALWAYS | RestartKind.UNLESS_STOPPED:
            return False
        case _:
            return assert_never(rules.restart.kind)
