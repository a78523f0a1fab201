"""The order among the proxies' own containers: a new proxy beside the old one, a holder with its proxy."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter

from deploytool.model.ingress import HOLDER, PROXY
from deploytool.model.plan import Step, StepKind


def beside(steps: Sequence[Step], running: Collection[str]) -> tuple[Step, ...]:
    """The edge's steps, so that a host's ports answer all the time; where they change, one host at a time.

    new proxy listens → the old one lets its connections go → it stops. Where the holder is replaced, its
    proxy follows before the next host's turn. ``running`` are the ids of all containers that run.
    """
    found = {step.id: step for step in steps}
    renewed = {s.host for s in steps if s.service == HOLDER and s.kind is StepKind.STOP}
    holders = _of(steps, HOLDER, StepKind.START)
    proxies = _of(steps, PROXY, StepKind.START)
    listening: dict[str, str] = {}
    for host_name, start in proxies.items():
        found[start.id] = _with(start, [holder.id for holder in (holders.get(host_name),) if holder])
        listens = Step("", StepKind.ENDPOINTS, host_name, start.project, "until it listens", PROXY)
        step_id = f"{start.project}/{host_name}/{PROXY}/endpoints/1"
        found[step_id] = replace(listens, id=step_id, needs=(start.id,))
        listening[host_name] = step_id
    for step in steps:
        if step.service == HOLDER and step.kind is StepKind.STOP:
            hosts = [
                found[need].host for need in step.needs if need in found and found[need].host != step.host
            ]
            found[step.id] = _with(step, [listening[name] for name in hosts if name in listening])
        elif step.service == PROXY and step.kind is StepKind.STOP and step.host not in renewed:
            going = tuple(ref for ref in step.containers if ref.id in running)
            needs = [listening[step.host]] if step.host in listening else []
            if going and needs:
                drain = Step(
                    "", StepKind.DRAIN, step.host, step.project, "its connections", PROXY, len(going)
                )
                step_id = f"{step.project}/{step.host}/{PROXY}/drain/1"
                drain = replace(drain, id=step_id, containers=going, grace_s=step.grace_s, needs=tuple(needs))
                found[step_id] = drain
                needs = [step_id]
            found[step.id] = _with(step, needs)
    graph = {step.id: step.needs for step in found.values()}
    return tuple(found[name] for name in TopologicalSorter(graph).static_order() if name in found)


def _of(steps: Sequence[Step], service: str, kind: StepKind) -> Mapping[str, Step]:
    return {step.host: step for step in steps if step.service == service and step.kind is kind and step.count}


def _with(step: Step, needs: Sequence[str]) -> Step:
    return replace(step, needs=tuple(dict.fromkeys((*step.needs, *needs))))
