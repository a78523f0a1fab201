"""The steps of one project in the making: their ids, their sums, and what they wait for.

Steps of one service on one host form a chain, so that a start can state its sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from graphlib import TopologicalSorter

from deploytool.core.change.reconcile import Change
from deploytool.model.container import Container
from deploytool.model.intent import Project, Service
from deploytool.model.plan import Gate, GateGoal, Ref, Step, StepKind

# Beyond what the healthcheck allows, a busy host needs this to start a container at all.
START_SLACK_S = 15.0
# A job may take long; without a --timeout it gets this.
JOB_DEADLINE_S = 3600.0
DEFAULT_GRACE_S = 10.0


def gate_of(project: Project, service: Service, timeout_s: float | None, *, rolled: bool = False) -> Gate:
    """The gate of a new replica of ``service``, with its deadline.

    Where it takes the place of one that works (``rolled``), being healthy once is not enough: it is watched
    for ``monitor``, as in Swarm, before the next one goes.
    """
    if project.finishes(service):
        return Gate(GateGoal.COMPLETED, timeout_s or JOB_DEADLINE_S)
    healthcheck = service.healthcheck
    allowed_s = healthcheck.deadline_s if healthcheck else 0.0
    watched = rolled or healthcheck is None
    hold_s = service.update.monitor_s if watched else 0.0
    return Gate(GateGoal.READY, timeout_s or allowed_s + START_SLACK_S, hold_s)


class StepBuilder:
    """Mutable. ``ready`` are, by service, the steps after which it is up everywhere."""

    def __init__(self, project: Project, changes: Iterable[Change], timeout_s: float | None) -> None:
        self.steps: dict[str, Step] = {}
        self.ready: dict[str, tuple[str, ...]] = {}
        self.project = project
        self._services = {service.name: service for service in project.services}
        self._gates = {
            (service.name, rolled): gate_of(project, service, timeout_s, rolled=rolled)
            for service in project.services
            for rolled in (False, True)
        }
        self._there = {(change.host, change.service): change.there for change in changes}
        self._ends: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, int] = {}
        self._waits = False

    def prepare(self, host_name: str) -> None:
        """The host gets its files and images before anything changes."""
        self._add(Step("", StepKind.PREPARE, host_name, self.project.name, "files and images"), ())

    def start(self, change: Change, count: int, cause: str, needs: tuple[str, ...], **details: object) -> str:
        """``count`` more replicas beside what is there by then; 0 only waits for what is there.

        Like all of these, returns the step's id.
        """
        self._there[change.host, change.service] += count
        return self._add(self._step(StepKind.START, change, count, cause, details), needs)

    def restart(
        self, change: Change, containers: Iterable[Container], cause: str, needs: tuple[str, ...]
    ) -> str:
        """The same containers, running again."""
        refs = refs_of(containers)
        return self._add(self._step(StepKind.RESTART, change, len(refs), cause, {"containers": refs}), needs)

    def stop(
        self,
        change: Change,
        containers: Iterable[Container],
        cause: str,
        needs: tuple[str, ...],
        **details: object,
    ) -> str:
        """These containers, out."""
        containers = tuple(containers)
        refs = refs_of(containers)
        self._there[change.host, change.service] -= len(refs)
        step = self._step(StepKind.STOP, change, len(refs), cause, {"containers": refs, **details})
        if change.service not in self._services:  # it left the file: what it was made with is all we know
            step = replace(step, grace_s=max(c.stop_grace_s or DEFAULT_GRACE_S for c in containers))
        return self._add(step, needs)

    def wait(self, step_id: str, needed: str) -> None:
        """Let one step wait for another one."""
        step = self.steps[step_id]
        if needed not in step.needs:
            self.steps[step_id] = replace(step, needs=(*step.needs, needed))
            self._waits = True

    def waits_for(self, step_id: str, other: str) -> bool:
        """True where a step waits for another one, directly or not."""
        seen, todo = {step_id}, [step_id]
        while todo:
            step = self.steps.get(todo.pop())
            new = set(step.needs) - seen if step else set()
            seen |= new
            todo += new
        return other in seen

    def in_order(self) -> tuple[Step, ...]:
        """All steps, each after those that it needs."""
        if not self._waits:
            return tuple(self.steps.values())
        graph = {step.id: step.needs for step in self.steps.values()}
        known = (self.steps.get(step_id) for step_id in TopologicalSorter(graph).static_order())
        return tuple(step for step in known if step)

    def _step(
        self, kind: StepKind, change: Change, count: int, cause: str, details: Mapping[str, object]
    ) -> Step:
        service = self._services.get(change.service)
        rolled = bool(details.get("replaces"))
        step = Step(
            id="",
            kind=kind,
            host=change.host,
            project=self.project.name,
            cause=cause,
            service=change.service,
            count=count,
            total=self._there[change.host, change.service],
            gate=None if kind is StepKind.STOP else self._gates.get((change.service, rolled)),
            grace_s=service.stop_grace_s if service else DEFAULT_GRACE_S,
        )
        return replace(step, **details)  # type: ignore[arg-type]

    def _add(self, step: Step, needs: tuple[str, ...]) -> str:
        """``needs`` is shared by many steps where nothing has to be added: there may be thousands in it."""
        chain = (step.host, step.service)
        before = self._ends.get(chain)
        if before and before not in needs:
            needs = (*needs, before)
        base = "/".join(filter(None, (step.project, step.host, step.service, step.kind.value)))
        self._numbers[base] = self._numbers.get(base, 0) + 1
        step_id = f"{base}/{self._numbers[base]}"
        self.steps[step_id] = replace(step, id=step_id, needs=needs)
        if step.service:
            self._ends[chain] = step_id
        return step_id


def refs_of(containers: Iterable[Container]) -> tuple[Ref, ...]:
    return tuple(Ref(container.id, container.name) for container in containers)
