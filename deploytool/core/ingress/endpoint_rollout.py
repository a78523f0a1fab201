"""Endpoint changes in a rollout: the steps of a project → the same steps with those of ingress.

    new replicas ready → in the endpoints of every host → old ones out → drained → stopped

Each host's proxy lists its own replicas by name and every other host by its weight. So where a host goes on
serving, only its own proxy has to know which of its replicas come and go; where it begins or ends to serve,
all others have to know first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter

from deploytool.core.change.batches import in_waves
from deploytool.core.ingress.endpoint_state import KnownEndpoints, WantedEndpoints
from deploytool.core.ingress.waiting import may_need
from deploytool.model.desired import Desired
from deploytool.model.intent import Project
from deploytool.model.observed import Observed
from deploytool.model.plan import Ref, Step, StepKind

_COMES = (StepKind.START, StepKind.RESTART)


def behind_ingress(
    project: Project, steps: Sequence[Step], desired: Desired, observed: Observed, wanted: WantedEndpoints
) -> tuple[Step, ...]:
    """The steps in an order in which they could run one by one, with endpoints and drains between them."""
    order = _Order(project, desired, observed, wanted)
    for step in steps:
        order.take(step)
    return order.done()


class _Order:
    def __init__(
        self, project: Project, desired: Desired, observed: Observed, wanted: WantedEndpoints
    ) -> None:
        self._project, self._desired, self._wanted = project, desired, wanted
        self._known = KnownEndpoints(project, desired, observed, wanted)
        self._running = {c.id for host in self._known.seen.values() for c in host.containers if c.running}
        self._steps: dict[str, Step] = {}
        self._visible: dict[str, tuple[str, ...]] = {}  # start → the steps after which it gets requests
        self._ups: dict[tuple[str, str], list[str]] = {}  # (service, host) → starts
        self._downs: dict[tuple[str, str], list[str]] = {}  # (service, host) → stops
        self._numbers: dict[str, int] = {}

    # --- the steps there are ------------------------------------------------------------------------

    def take(self, step: Step) -> None:
        behind = step.service in self._known.exposed and step.host in self._known.seen
        if step.kind in _COMES and behind:
            step = self._with(step, self._wanted.proxy_starts.get(step.host, ()))
            if step.count:
                self._ups.setdefault((step.service, step.host), []).append(step.id)
        elif step.kind is StepKind.STOP and self._known.is_served(step.service, step.host):
            self._downs.setdefault((step.service, step.host), []).append(step.id)
        self._steps[step.id] = step

    # --- those to add -------------------------------------------------------------------------------

    def done(self) -> tuple[Step, ...]:
        services = (*self._known.exposed, *sorted({s for s, _ in self._downs} - set(self._known.exposed)))
        for service in services:
            self._serve(service)
        for host_name in sorted(self._known.seen):
            self._settle(host_name)
        return in_waves(self._project, self._sorted(self._prepared()))

    def _serve(self, service: str) -> None:
        self._show_new(service)
        joined = self._join(service)
        self._hide_old(service, replaced=True, needs=lambda host_name: ())
        left = self._leave(service, joined)
        self._hide_old(
            service, replaced=False, needs=lambda host_name: (*left.get(host_name, ()), *joined.values())
        )

    def _show_new(self, service: str) -> None:
        """The local proxy learns of new replicas; not in a step of its own where an old one goes with it."""
        for (name, host_name), starts in self._ups.items():
            if name != service:
                continue
            for start in starts:
                if not self._shown_with_a_stop(start, service, host_name):
                    cause = "its replicas are ready"
                    self._visible[start] = (self._endpoints(host_name, service, (start,), cause),)

    def _shown_with_a_stop(self, start: str, service: str, host_name: str) -> bool:
        stops = (self._steps[stop] for stop in self._downs.get((service, host_name), ()))
        return any(self._shows(stop, start) for stop in stops)

    def _shows(self, stop: Step, start: str) -> bool:
        """True where a new replica may enter the endpoints in the step in which an old one leaves them."""
        if start not in stop.needs or not stop.replaces or stop.delay_s or not self._going(stop):
            return False
        others = [need for need in stop.needs if need != start]
        return may_need(start, others, self._steps) == others

    def _join(self, service: str) -> dict[str, str]:
        """Host → the step after which its proxy knows of all hosts that serve from now on, or serve more."""
        joined: dict[str, str] = {}
        for host_name in sorted(self._known.seen):
            more = self._known.weights(service, host_name, more=True)
            if more:
                needs = [
                    shown
                    for other in more
                    for start in self._ups.get((service, other), ())
                    for shown in self._visible.get(start, ())
                ]
                cause = f"{service} runs on {_listed(more)}"
                joined[host_name] = self._endpoints(host_name, service, needs, cause, tuple(more.items()))
        return joined

    def _leave(self, service: str, joined: Mapping[str, str]) -> dict[str, list[str]]:
        """Host → the steps after which no other proxy sends it more than it should get."""
        left: dict[str, list[str]] = {}
        for host_name in sorted(self._known.seen):
            less = self._known.weights(service, host_name, more=False)
            if less:
                stops = [stop for other in less for stop in self._last(service, other)]
                needs = [need for stop in stops for need in self._before(self._steps[stop])]
                needs += [joined[host_name]] if host_name in joined else []
                cause = f"{service} leaves {_listed([name for name, weight in less.items() if not weight])}"
                cause = cause if 0 in less.values() else f"{service} has fewer on {_listed(less)}"
                step = self._endpoints(host_name, service, needs, cause, tuple(less.items()))
                for other in less:
                    left.setdefault(other, []).append(step)
        return left

    def _last(self, service: str, host_name: str) -> list[str]:
        return [stop for stop in self._downs.get((service, host_name), ()) if not self._steps[stop].replaces]

    def _hide_old(self, service: str, *, replaced: bool, needs: Callable[[str], Iterable[str]]) -> None:
        """The steps that take old replicas out of the endpoints. ``needs``: host → the steps before them."""
        for (name, host_name), stops in self._downs.items():
            for stop in stops if name == service else ():
                step = self._steps[stop]
                if step.replaces == replaced:
                    before = (*self._before(step), *needs(host_name))
                    self._steps[stop] = self._let_go(step, may_need(stop, before, self._steps))

    def _let_go(self, step: Step, needs: Sequence[str]) -> Step:
        """The stop, behind what takes its containers out of the endpoints until nothing is under way."""
        going = self._going(step)
        if not going:
            return step
        names = ", ".join(ref.name for ref in going)
        if self._is_last(step, going):
            needs = self._go_round(step, needs)
        cause, remotes = f"{names} to go", self._ends_everywhere(step)
        out = self._endpoints(step.host, step.service, needs, cause, remotes, containers=going)
        self._steps[out] = replace(self._steps[out], delay_s=step.delay_s)
        for start in self._ups.get((step.service, step.host), ()):
            if start not in self._visible and self._shows(step, start):
                self._visible[start] = (out,)
        drain = Step("", StepKind.DRAIN, step.host, step.project, f"{names} to go", step.service, len(going))
        drained = self._add(replace(drain, containers=going, grace_s=step.grace_s), (out,))
        return replace(self._with(step, (drained,)), delay_s=0.0)

    def _ends_everywhere(self, step: Step) -> tuple[tuple[str, int], ...]:
        """The other hosts, to be left out with the last replicas here: theirs go at the same time."""
        if self._desired.hosts_of(step.service):
            return ()
        known = self._known.served(step.host).remote.get(step.service, {})
        return tuple((name, 0) for name in sorted(known))

    def _is_last(self, step: Step, going: Iterable[Ref]) -> bool:
        """True where a host has no replica until the successor of these is ready."""
        mine = {c.id for c in self._known.replicas(step.host, step.service)}
        starts = self._ups.get((step.service, step.host), ())
        return step.replaces and not {*starts} & {*step.needs} and mine <= {ref.id for ref in going}

    def _go_round(self, step: Step, needs: Sequence[str]) -> list[str]:
        """All others leave the host out for that time; returns the steps after which they do."""
        service, host_name = step.service, step.host
        others = sorted(
            name for name in self._known.seen if name != host_name and name in self._wanted.digests
        )
        cause = f"{service} is away from {host_name}"
        gone = [self._endpoints(other, service, needs, cause, ((host_name, 0),)) for other in others]
        weight, cause = self._desired[service, host_name], f"{service} is back on {host_name}"
        for start in self._ups.get((service, host_name), ()):
            if step.id in self._steps[start].needs and weight:
                shown = self._visible[start]
                back = (self._endpoints(o, service, shown, cause, ((host_name, weight),)) for o in others)
                self._visible[start] = (*shown, *back)
        return [*needs, *gone]

    def _before(self, step: Step) -> Iterator[str]:
        """The needs of a stop, and the steps that put its successors into the endpoints."""
        for need in step.needs:
            yield from self._visible.get(need, (need,))

    def _going(self, stop: Step) -> tuple[Ref, ...]:
        return tuple(ref for ref in stop.containers if ref.id in self._running)

    def _settle(self, host_name: str) -> None:
        """A host without a step so far, whose proxy does not know what it should; or that is to forget all.

        That it does last: until then its replicas are let go as anywhere, and it passes on what reaches it.
        """
        mine = [step for step in self._steps.values() if step.host == host_name]
        forgets = host_name not in self._wanted.digests
        cause = self._known.difference(host_name)
        if cause and (forgets or not any(step.kind is StepKind.ENDPOINTS for step in mine)):
            needs = [step.id for step in mine if forgets and step.kind is StepKind.STOP]
            concerned = self._known.exposed or sorted(self._known.served(host_name).local)
            service = next((name for name in concerned if not self._known.backs_off(name)), "")
            if service or not concerned:
                self._endpoints(host_name, service, needs, cause)

    # --- making steps -------------------------------------------------------------------------------

    def _endpoints(
        self,
        host_name: str,
        service: str,
        needs: Iterable[str],
        cause: str,
        remotes: tuple[tuple[str, int], ...] = (),
        containers: tuple[Ref, ...] = (),
    ) -> str:
        step = Step("", StepKind.ENDPOINTS, host_name, self._project.name, cause, service)
        needs = (*needs, *self._wanted.proxy_starts.get(host_name, ()))
        return self._add(replace(step, remotes=remotes, containers=containers), needs)

    def _add(self, step: Step, needs: Iterable[str]) -> str:
        base = "/".join(filter(None, (step.project, step.host, step.service, step.kind.value)))
        self._numbers[base] = self._numbers.get(base, 0) + 1
        step_id = f"{base}/{self._numbers[base]}"
        self._steps[step_id] = replace(step, id=step_id, needs=tuple(dict.fromkeys(needs)))
        return step_id

    def _with(self, step: Step, needs: Iterable[str]) -> Step:
        return replace(step, needs=tuple(dict.fromkeys((*step.needs, *needs))))

    def _prepared(self) -> Iterator[Step]:
        """A lease is taken on every host that changes, be it only its proxy."""
        there = {step.host for step in self._steps.values() if step.kind is StepKind.PREPARE}
        for host_name in sorted({step.host for step in self._steps.values()} - there):
            step_id = f"{self._project.name}/{host_name}/prepare/1"
            yield Step(step_id, StepKind.PREPARE, host_name, self._project.name, "files and images")
        yield from self._steps.values()

    def _sorted(self, steps: Iterable[Step]) -> list[Step]:
        known = {step.id: step for step in steps}
        graph = {step.id: step.needs for step in known.values()}
        return [known[step_id] for step_id in TopologicalSorter(graph).static_order() if step_id in known]


def _listed(names: Iterable[str], most: int = 3) -> str:
    shown = list(names)
    more = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {more} more" if more > 0 else "")
