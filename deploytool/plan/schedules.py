"""The schedule of every project of a run: each sees what the earlier ones claim of the hosts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from deploytool.core.change.jobs import done, finished_elsewhere, with_done, without
from deploytool.core.placement.rebalance import moved, rebalance
from deploytool.core.placement.schedule import Claim, schedule
from deploytool.errors import NoHost
from deploytool.model.desired import Desired
from deploytool.model.ingress import EDGE
from deploytool.model.intent import Intent, Project
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed
from deploytool.plan.ingress import Ingress, apart_from, ingress_of
from deploytool.plan.policy import PlanPolicy
from deploytool.plan.renderer import Renderer


@dataclass(frozen=True, slots=True)
class Schedules:
    """The schedules of a run.

    ``claims``: by project, in order; a project of which no host answered has none. ``homeless``: the projects
    that cannot be scheduled, and why. ``began``: the schedules from which moves for balance count.
    """

    ingress: Ingress
    claims: tuple[Claim, ...]
    homeless: Mapping[str, NoHost] = field(default_factory=dict)
    began: Mapping[str, Desired] = field(default_factory=dict)

    def desired(self) -> dict[str, Desired]:
        """Project → its schedule.

        Raises:
            NoHost: with the problems of all projects.
        """
        if self.homeless:
            raise NoHost(problem for error in self.homeless.values() for problem in error.problems)
        return {claim.project.name: claim.desired for claim in self.claims}


def schedule_all(
    intent: Intent,
    observed: Observed,
    policy: PlanPolicy,
    renderer: Renderer,
    left_out: Collection[str] = (),
) -> Schedules:
    """Schedule every project but those that are ``left_out``, the proxies first.

    Raises:
        InputError: two projects want the same of one ingress port, or a template fails for a host.
    """
    rest = apart_from(intent, left_out)
    ingress = ingress_of(rest, observed, renderer)
    scheduling = _Scheduling(ingress, observed, policy, renderer)
    for project in ingress.whole(rest).projects:
        scheduling.add(project)
    return scheduling.result()


def any_answered(project: Project, observed: Observed) -> bool:
    """Whether a host of the project answered."""
    return any(host.name in observed.answered() for host in project.hosts)


class _Scheduling:
    def __init__(self, ingress: Ingress, observed: Observed, policy: PlanPolicy, renderer: Renderer) -> None:
        self._ingress, self._observed, self._policy, self._renderer = ingress, observed, policy, renderer
        self._claims: list[Claim] = []
        self._taken: list[Claim] = []  # as the projects behind see them
        self._homeless: dict[str, NoHost] = {}
        self._began = dict(policy.began)
        self._moves_left = policy.max_moves

    def add(self, project: Project) -> None:
        if project.name in self._policy.pinned:
            self._claim(project, self._policy.pinned[project.name])
        elif project.name == EDGE and not project.hosts:
            self._claims.append(Claim(project, Desired(EDGE, {})))
        # Where no host answers nothing is known, not even on paper: that is the news, not a missing home.
        elif any_answered(project, self._observed):
            try:
                desired = schedule_one(project, self._observed, self._policy, self._renderer, self._taken)
            except NoHost as error:
                self._homeless[project.name] = error
            else:
                self._claim(project, self._balanced(project, desired))

    def result(self) -> Schedules:
        return Schedules(self._ingress, tuple(self._claims), self._homeless, self._began)

    def _claim(self, project: Project, desired: Desired) -> None:
        claim = Claim(project, desired)
        self._claims.append(claim)
        self._taken.append(claim if project.name in self._policy.pinned else self._ingress.claim(claim))

    def _balanced(self, project: Project, desired: Desired) -> Desired:
        """The schedule after moves for balance. What moved since the first plan counts in every later one, so
        that planning again after the moves comes to an end."""
        if not self._policy.max_moves:
            return desired
        began = self._began.setdefault(project.name, desired)
        left = self._moves_left - moved(began, desired)
        policy = self._policy.schedule
        balanced = rebalance(project, self._observed, desired, left, policy, self._taken)
        self._moves_left -= moved(began, balanced)
        return balanced


def schedule_one(
    project: Project,
    observed: Observed,
    policy: PlanPolicy,
    renderer: Renderer,
    others: Collection[Claim],
) -> Desired:
    """The schedule of one project, beside the claims of ``others``; jobs that are done stay where they ran.

    Whether a job is done, its rendered spec has to say.

    Raises:
        NoHost: a replica has no home. InputError: a template fails for a host.
    """
    taken = tuple(others)
    desired = schedule(project, observed, policy=policy.schedule, others=taken)
    finished = finished_elsewhere(project, desired, observed)
    if not finished:
        return desired
    specs = {service: _specs(project, service, desired, renderer) for service, _ in finished}
    counts = done(project, finished, specs)
    rest = schedule(without(project, counts), observed, policy=policy.schedule, others=taken)
    return with_done(rest, counts)


def _specs(project: Project, service: str, desired: Desired, renderer: Renderer) -> set[str]:
    """The specs of a service on all hosts that are to run it."""

    def spec(host: Host) -> str:
        return renderer.host_files(project, desired, host).specs[service].digest

    return {spec(host) for host in project.hosts if desired[service, host.name]}
