"""The order among the proxies' own containers: a new proxy beside the old one, a holder with its proxy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter

from deploytool.core.ingress.waiting import may_need
from deploytool.model.ingress import HOLDER, PROXY
from deploytool.model.plan import Step, StepKind


def beside(
    steps: Sequence[Step], running: Collection[str], staying: Collection[str], drain_s: float
) -> tuple[Step, ...]:
    """The steps of the proxies: a host's ports answer all the time; where they change, one host at a time.

    new proxy listens → the old one lets its connections go → it stops, or lingers for at most ``drain_s``.
    Where the holder is replaced, its proxy follows before the next host's turn. ``running`` are the ids of
    all containers that run, ``staying`` the hosts that keep a proxy.
    """
    found = {step.id: step for step in steps}
    renewed = {s.host for s in steps if s.service == HOLDER and s.kind is StepKind.STOP}
    holders = {**_of(steps, HOLDER, StepKind.START), **_of(steps, HOLDER, StepKind.RESTART)}
    proxies = _of(steps, PROXY, StepKind.START)
    listening: dict[str, str] = {}
    for host_name, start in proxies.items():
        found[start.id] = _with(start, [holder.id for holder in (holders.get(host_name),) if holder])
        listens = _beside(start, StepKind.ENDPOINTS, "until it listens", (start.id,))
        found[listens.id] = listens
        listening[host_name] = listens.id
    for step in steps:
        if step.kind is not StepKind.STOP:
            continue
        if step.service == HOLDER:
            others = {found[need].host for need in step.needs if need in found} - {step.host}
            needs = [listening[name] for name in sorted(others) if name in listening]
            found[step.id] = _with(step, may_need(step.id, needs, found))
        elif step.service == PROXY and step.host not in renewed and _another_serves(step, proxies, found):
            needs = [listening[step.host]] if step.host in listening else []
            going = tuple(ref for ref in step.containers if ref.id in running)
            if going and step.host in staying:
                drain = _beside(step, StepKind.DRAIN, "its connections", (*step.needs, *needs))
                drain = replace(drain, containers=going, count=len(going), grace_s=drain_s)
                found[drain.id] = drain
                needs = [drain.id]
            found[step.id] = _with(step, needs)
    graph = {step.id: step.needs for step in found.values()}
    return tuple(found[name] for name in TopologicalSorter(graph).static_order() if name in found)


def _another_serves(stop: Step, proxies: Mapping[str, Step], steps: Mapping[str, Step]) -> bool:
    """True where another proxy has taken over by then: not where a broken one goes first."""
    start = proxies.get(stop.host)
    if start is None:
        return not stop.replaces
    return start.id in stop.needs if stop.replaces else bool(may_need(stop.id, (start.id,), steps))


def _beside(step: Step, kind: StepKind, cause: str, needs: Sequence[str]) -> Step:
    """A step that belongs to another one of the same proxy, and is numbered as that one."""
    step_id = f"{step.project}/{step.host}/{PROXY}/{kind.value}/{step.id.rpartition('/')[2]}"
    return Step(step_id, kind, step.host, step.project, cause, PROXY, needs=tuple(needs))


def _of(steps: Sequence[Step], service: str, kind: StepKind) -> Mapping[str, Step]:
    return {step.host: step for step in steps if step.service == service and step.kind is kind and step.count}


def _with(step: Step, needs: Sequence[str]) -> Step:
    return replace(step, needs=tuple(dict.fromkeys((*step.needs, *needs))))
