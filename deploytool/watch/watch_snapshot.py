"""The snapshot of a watcher, from its state: the content of the page and the metrics."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from deploytool.core.watch import watch_view
from deploytool.core.watch.backoff import History
from deploytool.core.watch.resync import HostWatch
from deploytool.model.backing_off import ServiceKey
from deploytool.model.intent import Intent
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from deploytool.model.plan import Plan, ProjectPlan
from deploytool.model.snapshot import Snapshot, WatchedHost, WatchedProject
from deploytool.report.plan import changes_text
from deploytool.watch.counters import Counters


@dataclass(frozen=True, slots=True)
class WatchState:
    """The state of a watcher. ``now_s`` is the monotonic time, ``wall_s`` the time of day at that moment."""

    intent: Intent
    hosts: Mapping[str, Host]
    seen: Observed
    looked_s: Mapping[str, float]
    watches: Mapping[str, HostWatch]
    followed: Collection[str]
    plan: Plan
    waits: Mapping[str, str]
    history: History
    budget: int | None
    counters: Counters
    problem: str
    converging: bool
    ready: bool
    begun_s: float
    now_s: float
    wall_s: float


def snapshot_of(known: WatchState) -> Snapshot:
    """The snapshot of this state; the publisher gives it its version."""
    plans = {plan.project: plan for plan in known.plan.projects}
    epoch_s = known.wall_s - known.now_s
    backing_off = {key: (until_s + epoch_s, why) for key, (until_s, why) in _backing_off(known).items()}
    specs = {
        (plan.project, service, host): spec
        for plan in known.plan.projects
        for (service, host), spec in plan.specs.items()
    }
    projects = known.intent.projects
    return Snapshot(
        now_s=known.wall_s,
        begun_s=known.begun_s,
        ready=known.ready,
        converging=known.converging,
        problem=known.problem,
        hosts=tuple(_hosts(known, epoch_s)),
        projects=tuple(_projects(known, plans)),
        services=tuple(
            one
            for p in projects
            for one in watch_view.services(p, plans.get(p.name), known.seen, backing_off)
        ),
        replicas=tuple(
            watch_view.replicas([p.name for p in projects], known.seen, specs, known.history, epoch_s)
        ),
        actions=known.counters.actions,
        counts=known.counters.counts,
        last_success_s=known.counters.last_success_s,
        last_converge_s=known.counters.last_converge_s,
    )


def _projects(known: WatchState, plans: Mapping[str, ProjectPlan]) -> Iterator[WatchedProject]:
    for project in known.intent.projects:
        plan, waits = plans.get(project.name), known.waits.get(project.name, "")
        yield watch_view.project_of(project, known.seen, plan, drift_of(plan), waits)


def drift_of(plan: ProjectPlan | None) -> tuple[str, ...]:
    """The lines that show the steps of a project; none where it has no steps."""
    return tuple(changes_text(plan)) if plan and plan.steps else ()


def _hosts(known: WatchState, epoch_s: float) -> Iterator[WatchedHost]:
    doubtful = known.history.doubtful(known.now_s)
    for name, host in sorted(known.hosts.items()):
        seen, watch = known.seen.get(name), known.watches.get(name, HostWatch())
        answers = isinstance(seen, ObservedHost)
        yield WatchedHost(
            name=name,
            reachable=None if seen is None else answers,
            reason=seen.reason if isinstance(seen, Unreachable) else "",
            since_s=0.0 if watch.silent_s is None else watch.silent_s + epoch_s,
            looked_s=known.looked_s[name] + epoch_s if name in known.looked_s else 0.0,
            state=host.state,
            follows=name in known.followed,
            doubtful=name in doubtful,
        )


def _backing_off(known: WatchState) -> dict[ServiceKey, tuple[float, str]]:
    """The services in back-off: the monotonic time of its end, and the reason."""
    found = {
        key: (setback.until_s, setback.why)
        for key, setback in known.history.services.items()
        if setback.until_s > known.now_s
    }
    spent = known.history.over_budget(known.intent.projects, known.now_s, known.budget)
    return {
        **found,
        **{key: (until_s, "it had all the repairs it may have") for key, until_s in spent.items()},
    }
