"""The schedules of all projects of a run, each with account of the earlier ones' claims on the hosts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from deploytool.core.change.jobs import done, finished_elsewhere, with_done, without
from deploytool.core.placement.rebalance import moved, rebalance
from deploytool.core.placement.schedule import Claim, schedule
from deploytool.errors import NoHost
from deploytool.model.desired import Desired
from deploytool.model.intent import Intent, Project, ProjectKind
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed
from deploytool.plan.ingress import Ingress, apart_from, ingress_of
from deploytool.plan.policy import PlanPolicy
from deploytool.plan.renderer import Renderer


@dataclass(frozen=True, slots=True)
class Schedules:
    """The schedules of a run.

    ``claims``: one for each project, in order, but for those of which no host answered. ``homeless``: the
    projects that cannot be scheduled, each with its problems. ``began``: project → the schedule from which
    moves for balance count.
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
    """Schedule every project except those in ``left_out``, the proxies first.

    Raises:
        InputError: two projects offer the same route on one port, or a template fails for a host.
    """
    rest = apart_from(intent, left_out)
    ingress = ingress_of(rest, observed, renderer)
    scheduling = _Scheduling(ingress, observed, policy, renderer)
    for project in ingress.whole(rest).projects:
        scheduling.add(project)
    return scheduling.result()


def any_answered(project: Project, observed: Observed) -> bool:
    """True if a host of the project answered."""
    return any(host.name in observed.answered() for host in project.hosts)


class _Scheduling:
    def __init__(self, ingress: Ingress, observed: Observed, policy: PlanPolicy, renderer: Renderer) -> None:
        self._ingress, self._observed, self._policy, self._renderer = ingress, observed, policy, renderer
        self._claims: list[Claim] = []
        self._taken: list[Claim] = []  # the claims that later projects have to respect
        self._homeless: dict[str, NoHost] = {}
        self._began = dict(policy.began)
        self._moves_left = policy.max_moves

    def add(self, project: Project) -> None:
        if project.name in self._policy.pinned:
            self._claim(project, self._policy.pinned[project.name])
        elif project.kind is ProjectKind.INGRESS and not project.hosts:
            self._claims.append(Claim(project, Desired(project.name, {})))
        # Without any host that answers there is no schedule; the unreachable hosts are reported instead.
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
        """The schedule after moves for balance.

        Moves since the first plan of the run count against ``max_moves``, so that planning again terminates.
        """
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
    """The schedule of one project, beside the claims of ``others``; finished jobs stay where they ran.

    A job counts as finished only if its container was made from the spec as it is rendered now.

    Raises:
        NoHost: no host for a replica. InputError: a template fails for a host.
    """
    taken = tuple(others)
    desired = schedule(project, observed, policy=policy.schedule, claims=taken)
    finished = finished_elsewhere(project, desired, observed)
    if not finished:
        return desired
    specs = {service: _specs(project, service, desired, renderer) for service, _ in finished}
    counts = done(project, finished, specs)
    rest = schedule(without(project, counts), observed, policy=policy.schedule, claims=taken)
    return with_done(rest, counts)


def _specs(project: Project, service: str, desired: Desired, renderer: Renderer) -> set[str]:
    """The digests of a service's specs on the hosts that it is scheduled on."""

    def spec(host: Host) -> str:
        return renderer.host_files(project, desired, host).specs[service].digest

    return {spec(host) for host in project.hosts if desired[service, host.name]}
