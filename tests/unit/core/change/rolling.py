"""Plans of changes for services and the containers that hosts hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from deploytool.core.change.reconcile import reconcile
from deploytool.core.change.rollout import RolledOut, roll_out
from deploytool.core.placement.schedule import schedule
from deploytool.model.container import Container, HostPort
from deploytool.model.desired import HostFiles, Manifest, Spec
from deploytool.model.intent import Port, Service
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.plan import Step, StepKind
from deploytool.model.policies import Update
from tests.unit.core.strategies import make_container, make_host, make_project

NEW, OLD = "1:new", "1:old"


H80, H81 = (HostPort(80),), (HostPort(81),)


P80, P81 = (Port(8080, 80, 80),), (Port(8080, 81, 81),)


START_FIRST = Update(order="start-first")


def plan(
    services: Sequence[Service],
    held: Mapping[str, Iterable[Container]],
    hosts: Sequence[Host] = (),
    earlier: Mapping[str, str] | None = None,
) -> RolledOut:
    """The plan for these services on hosts that hold these containers."""
    shop = make_project(hosts or [make_host(name) for name in held], services)
    observed = Observed({name: ObservedHost(containers=tuple(found)) for name, found in held.items()})
    files = {
        h.name: HostFiles(Manifest(""), {s.name: Spec(NEW, s.name, {"image": "b"}) for s in services})
        for h in shop.hosts
    }
    changes = reconcile(shop, schedule(shop, observed), files, observed)
    return roll_out(shop, changes, observed, None, earlier or {})


def held(service: str, number: int = 1, spec: str = NEW, host: str = "h1", **changes: object) -> Container:
    return make_container(service, number, host=host, spec=spec, **changes)


def steps(rolled: RolledOut, kind: StepKind | None = None, service: str = "") -> list[Step]:
    return [
        step
        for step in rolled.steps
        if step.service and kind in (None, step.kind) and service in ("", step.service)
    ]


def short(rolled: RolledOut) -> list[str]:
    """The steps in the order of the plan: ``stop web on h1``."""
    return [f"{step.kind.value} {step.service} on {step.host}" for step in steps(rolled)]


def needs(rolled: RolledOut, step: Step) -> set[str]:
    """All steps that a step waits for, directly or not."""
    known = {known.id: known for known in rolled.steps}
    found: set[str] = set()
    todo = list(step.needs)
    while todo:
        found.add(todo[-1])
        todo += [need for need in known[todo.pop()].needs if need not in found]
    return found


def only(found: list[Step]) -> Step:
    (step,) = found
    return step
