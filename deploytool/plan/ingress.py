"""Ingress in a plan: the hosts' proxies as a project of their own, and the steps that it adds to others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploytool.core.ingress.endpoint_rollout import behind_ingress
from deploytool.core.ingress.endpoint_state import WantedEndpoints
from deploytool.core.ingress.proxies import Proxies, concerned, proxies_of
from deploytool.core.ingress.proxy_rollout import beside
from deploytool.core.placement.schedule import Claim
from deploytool.errors import InputError
from deploytool.model.backing_off import BackingOff
from deploytool.model.desired import Desired, HostFiles
from deploytool.model.ingress import INGRESS_PROJECT, PROXY, Offer, ProxySettings
from deploytool.model.intent import Intent, Project, ProjectKind
from deploytool.model.observed import Observed
from deploytool.model.plan import ProjectPlan, Step, StepKind
from deploytool.plan.renderer import Renderer


@dataclass(frozen=True, slots=True)
class Ingress:
    """The ingress of a run: its proxies, and the services that each project offers behind them.

    ``project`` is the project of the proxies; None where the run has no ingress.
    """

    proxies: Proxies = Proxies(ProxySettings())
    project: Project | None = None
    offers: Mapping[str, tuple[Offer, ...]] = field(default_factory=dict)

    def whole(self, intent: Intent) -> Intent:
        """The intent with the project of the proxies first."""
        proxies = (self.project,) if self.project else ()
        return replace(intent, projects=(*proxies, *intent.projects))

    def claim(self, claim: Claim) -> Claim:
        """The claim of a project on the hosts; that of the proxies has the ports published on each host."""
        return self.proxies.claim(claim.project) if claim.project.kind is ProjectKind.INGRESS else claim

    def steps(
        self,
        project: Project,
        steps: Sequence[Step],
        desired: Desired,
        files: Mapping[str, HostFiles],
        observed: Observed,
        before: Iterable[ProjectPlan],
        backing_off: BackingOff,
    ) -> tuple[Step, ...]:
        """The steps of one project with those that ingress adds, sorted so that each follows its needs."""
        if self.project is None:
            return tuple(steps)
        if project.kind is ProjectKind.INGRESS:
            running = {container.id for _, container in observed.containers() if container.running}
            return beside(steps, running, desired.hosts_of(PROXY), project.proxy_settings.drain_s)
        wanted = WantedEndpoints(
            digests={name: file.ingress_digest for name, file in files.items() if file.ingress_digest},
            proxy_starts=_starts(before),
            sticky=frozenset(s.name for s in project.services if s.exposure and s.exposure.sticky),
            backing_off=backing_off,
        )
        return behind_ingress(project, steps, desired, observed, wanted)

    def after(self, plans: Sequence[ProjectPlan]) -> tuple[ProjectPlan, ...]:
        """The plans, where a proxy that is not needed any more stops after the last steps of its host."""
        done: dict[str, list[str]] = {}
        for plan in plans:
            for step in plan.steps if plan.kind is ProjectKind.SERVICES else ():
                if step.kind in (StepKind.STOP, StepKind.ENDPOINTS):
                    done.setdefault(step.host, []).append(step.id)
        kept = {host.name for host in self.proxies.hosts}
        return tuple(
            _waiting(plan, done, kept) if plan.kind is ProjectKind.INGRESS else plan for plan in plans
        )


def _starts(plans: Iterable[ProjectPlan]) -> dict[str, tuple[str, ...]]:
    """Host → the ids of the steps that start its proxy."""
    found: dict[str, tuple[str, ...]] = {}
    for plan in plans:
        for step in plan.steps if plan.kind is ProjectKind.INGRESS else ():
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
    """The ingress of a run.

    Raises:
        InputError: two projects offer the same route on one port, or a port is not available.
    """
    if not concerned(intent, observed):
        return Ingress()
    proxies = proxies_of(intent, observed)
    if proxies.clashes:
        raise InputError(clash.problem for clash in proxies.clashes)
    patterns = dict.fromkeys(project.pattern for project in intent.projects if proxies.offers[project.name])
    project = Project(
        name=INGRESS_PROJECT,
        play="deploytool: ingress",
        title="Ingress",
        pattern=", ".join(patterns) or "no play",
        hosts=proxies.hosts,
        services=proxies.services,
        definitions=renderer.proxy_definitions(proxies),
        kind=ProjectKind.INGRESS,
        proxy_settings=proxies.settings,
    )
    offers = {name: tuple(one.offer for one in found) for name, found in proxies.offers.items()}
    return Ingress(proxies, project, offers)


def clashing(intent: Intent, observed: Observed) -> dict[str, InputError]:
    """The projects whose routes or ports clash, each with its problems; the others can be planned."""
    found: dict[str, InputError] = {}
    while True:
        rest = apart_from(intent, found)
        clashes = proxies_of(rest, observed).clashes if concerned(rest, observed) else ()
        if not clashes:
            return found
        for project in rest.projects:
            mine = [clash.problem for clash in clashes if project.name in clash.projects]
            if mine:
                found[project.name] = InputError(mine)


def apart_from(intent: Intent, names: Collection[str]) -> Intent:
    """The intent without the projects of these names."""
    return replace(intent, projects=tuple(p for p in intent.projects if p.name not in names))
