"""The proxies as one more project of a run: what they are, and what they add to the plans of the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploytool.core.ingress.endpoint_rollout import behind_ingress
from deploytool.core.ingress.endpoint_state import WantedEndpoints
from deploytool.core.ingress.proxies import Edge, concerned, edge_of
from deploytool.core.ingress.proxy_rollout import beside
from deploytool.core.placement.schedule import Claim
from deploytool.errors import InputError
from deploytool.model.backing_off import BackingOff
from deploytool.model.desired import Desired, HostFiles
from deploytool.model.ingress import EDGE, PROXY, EdgeSettings, Offer
from deploytool.model.intent import Intent, Project
from deploytool.model.observed import Observed
from deploytool.model.plan import ProjectPlan, Step, StepKind
from deploytool.plan.renderer import Renderer


@dataclass(frozen=True, slots=True)
class Ingress:
    """What is between the world and the services of a run. ``project`` is None where there is nothing."""

    edge: Edge = Edge(EdgeSettings())
    project: Project | None = None
    offers: Mapping[str, tuple[Offer, ...]] = field(default_factory=dict)

    def whole(self, intent: Intent) -> Intent:
        """The intent with the edge's own project first."""
        edge = (self.project,) if self.project else ()
        return replace(intent, projects=(*edge, *intent.projects))

    def claim(self, claim: Claim) -> Claim:
        """What the edge takes of the hosts: other ports on each, which no service of a project could say."""
        return self.edge.claim(claim.project) if claim.project.name == EDGE else claim

    def steps(
        self,
        project: Project,
        steps: Sequence[Step],
        desired: Desired,
        files: Mapping[str, HostFiles],
        observed: Observed,
        before: Iterable[ProjectPlan],
        rest: BackingOff,
    ) -> tuple[Step, ...]:
        """The steps of one project with those that ingress adds, in an order in which they could run."""
        if self.project is None:
            return tuple(steps)
        if project.name == EDGE:
            running = {container.id for _, container in observed.containers() if container.running}
            return beside(steps, running, desired.hosts_of(PROXY), project.edge.drain_s)
        wanted = WantedEndpoints(
            digests={name: file.ingress_digest for name, file in files.items() if file.ingress_digest},
            edge=_starts(before),
            sticky=frozenset(s.name for s in project.services if s.exposure and s.exposure.sticky),
            rest=rest,
        )
        return behind_ingress(project, steps, desired, observed, wanted)

    def after(self, plans: Sequence[ProjectPlan]) -> tuple[ProjectPlan, ...]:
        """A proxy that nobody needs any more goes when the last project has left its host."""
        done: dict[str, list[str]] = {}
        for plan in plans:
            for step in plan.steps if plan.project != EDGE else ():
                if step.kind in (StepKind.STOP, StepKind.ENDPOINTS):
                    done.setdefault(step.host, []).append(step.id)
        kept = {host.name for host in self.edge.hosts}
        return tuple(_waiting(plan, done, kept) if plan.project == EDGE else plan for plan in plans)


def _starts(plans: Iterable[ProjectPlan]) -> dict[str, tuple[str, ...]]:
    """Host → the steps after which its proxy is there, where it was not before."""
    found: dict[str, tuple[str, ...]] = {}
    for plan in plans:
        for step in plan.steps if plan.project == EDGE else ():
            if step.kind in (StepKind.START, StepKind.RESTART, StepKind.ENDPOINTS):
                found[step.host] = (*found.get(step.host, ()), step.id)
    return found


def _waiting(plan: ProjectPlan, done: Mapping[str, Sequence[str]], kept: set[str]) -> ProjectPlan:
    steps = tuple(
        replace(step, needs=(*step.needs, *done.get(step.host, ())))
        if step.kind is StepKind.STOP and step.host not in kept
        else step
        for step in plan.steps
    )
    return replace(plan, steps=steps)


def ingress_of(intent: Intent, observed: Observed, renderer: Renderer) -> Ingress:
    """What this run needs of ingress.

    Raises:
        InputError: two projects want the same of one port, or a port is not to be had.
    """
    if not concerned(intent, observed):
        return Ingress()
    edge = edge_of(intent, observed)
    if edge.clashes:
        raise InputError(clash.problem for clash in edge.clashes)
    patterns = dict.fromkeys(project.pattern for project in intent.projects if edge.offers[project.name])
    project = Project(
        name=EDGE,
        play="deploytool: ingress",
        title="Ingress",
        pattern=", ".join(patterns) or "no play",
        hosts=edge.hosts,
        services=edge.services,
        definitions=renderer.proxy_definitions(edge),
        edge=edge.settings,
    )
    offers = {name: tuple(one.offer for one in found) for name, found in edge.offers.items()}
    return Ingress(edge, project, offers)


def clashing(intent: Intent, observed: Observed) -> dict[str, InputError]:
    """The projects that cannot be behind the same proxies, each with why: without them the others can."""
    found: dict[str, InputError] = {}
    while True:
        rest = apart_from(intent, found)
        clashes = edge_of(rest, observed).clashes if concerned(rest, observed) else ()
        if not clashes:
            return found
        for project in rest.projects:
            mine = [clash.problem for clash in clashes if project.name in clash.projects]
            if mine:
                found[project.name] = InputError(mine)


def apart_from(intent: Intent, names: Collection[str]) -> Intent:
    """The intent of the other projects alone."""
    return replace(intent, projects=tuple(p for p in intent.projects if p.name not in names))
