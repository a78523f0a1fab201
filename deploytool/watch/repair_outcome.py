"""Judges repairs that have ended: which services and hosts they helped, and which have to back off."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from deploytool.core.watch.backoff import History
from deploytool.errors import LeaseHeld, ManyProblems
from deploytool.model.backing_off import HostKey, ServiceKey
from deploytool.model.event import Report
from deploytool.model.intent import Project
from deploytool.model.plan import ProjectPlan, Step, StepKind

Subject = tuple[str, str, str]  # project, and a service, or a host whose folder it is; else empty
Difference = frozenset[tuple[object, ...]]

# The same difference after this many successful repairs is one that repairs do not cure.
SAME_TWICE = 2
CAME_BACK = "the same difference came back after it was repaired"


class RepairOutcomes:
    """The difference that the last repair of each service or host's folder left, and how often in a row."""

    def __init__(self) -> None:
        self._left: dict[Subject, tuple[Difference, int]] = {}

    def forget(self, projects: Collection[str]) -> None:
        """Drop these projects, since their files have changed."""
        self._left = {key: known for key, known in self._left.items() if key[0] not in projects}

    def learn(
        self,
        project: Project,
        plan: ProjectPlan,
        found: Report | BaseException,
        history: History,
        now_s: float,
    ) -> tuple[str, History]:
        """The outcome in a word (ok, failed, held, refused, lost), and the history with its consequences.

        A service backs off when a step failed, or when its steps succeeded twice and the same difference came
        back. A host backs off for a project when it, its folder or its proxy could not be changed,
        except for a new release of the project, which changes all hosts or none.
        """
        if isinstance(found, (LeaseHeld, KeyboardInterrupt)):
            return "held", history
        if isinstance(found, BaseException):
            why = found.problems[0].message if isinstance(found, ManyProblems) else repr(found)
            bad, hosts = _all_of(plan, why)
            history = history.judged(bad, (), now_s).prepared(hosts, (), now_s)
            return "refused" if isinstance(found, ManyProblems) else "failed", history
        bad, hosts = self._failed(plan, found)
        left = {one.project: one for one in found.left.projects}.get(project.name)
        again = [step for step in left.steps if not _has_own_rest(step, history)] if left else []
        if not found.skipped:
            for key in _services(plan.steps) - bad.keys():
                if self._came_back((*key, ""), plan.steps, again):
                    bad[key] = CAME_BACK
            for name, host in _hosts(plan.steps) - hosts.keys():
                if self._came_back((name, "", host), plan.steps, again):
                    hosts[name, host] = CAME_BACK
        lost = bool(found.unreachable.keys() & {step.host for step in plan.steps})
        if not (lost or found.interrupted):
            history = history.judged(bad, _services(plan.steps) - bad.keys(), now_s)
            history = history.prepared(hosts, _hosts(plan.steps) - hosts.keys(), now_s)
        return "failed" if bad or hosts else "lost" if lost else "ok", history

    def _failed(self, plan: ProjectPlan, report: Report) -> tuple[dict[ServiceKey, str], dict[HostKey, str]]:
        bad: dict[ServiceKey, str] = {}
        hosts: dict[HostKey, str] = {}
        for failure in report.failures:
            step = failure.step
            if plan.repairs and (not step.service or step.kind is StepKind.ENDPOINTS):
                hosts[step.project, step.host] = failure.reason
            elif step.service:
                bad[step.project, step.service] = failure.reason
            else:
                services, instead = _all_of(plan, failure.reason)
                bad |= services
                hosts |= instead
        return bad, hosts

    def _came_back(self, subject: Subject, planned: Iterable[Step], left: Iterable[Step]) -> bool:
        before, after = _difference(subject, planned), _difference(subject, left)
        if not after or before != after:
            self._left.pop(subject, None)
            return False
        known, times = self._left.get(subject, (after, 0))
        self._left[subject] = (after, times + 1 if known == after else 1)
        return self._left[subject][1] >= SAME_TWICE


def _has_own_rest(step: Step, history: History) -> bool:
    """True for a step for replicas that failed by themselves: each of these has a back-off of its own."""
    if not step.containers:
        return (step.project, step.service, step.host) in history.orphans
    return all(container.id in history.containers for container in step.containers)


def _all_of(plan: ProjectPlan, why: str) -> tuple[dict[ServiceKey, str], dict[HostKey, str]]:
    """The services of a plan's steps; if there are none, their hosts. Each with ``why``."""
    services = dict.fromkeys(_services(plan.steps), why)
    return services, {} if services else dict.fromkeys(_hosts(plan.steps), why)


def _services(steps: Iterable[Step]) -> set[ServiceKey]:
    return {(step.project, step.service) for step in steps if step.service}


def _hosts(steps: Iterable[Step]) -> set[HostKey]:
    return {(step.project, step.host) for step in steps}


def _difference(subject: Subject, steps: Iterable[Step]) -> Difference:
    """The steps for a service or a host's folder, in a form that is equal when the same comes back.

    Every change of a host writes its folder, so the folder counts only where it is all that is to be done.
    """
    project, service, host = subject
    mine = [step for step in steps if step.project == project and step.kind is not StepKind.PREPARE]
    mine = [step for step in mine if (step.host == host if host else step.service == service)]
    if host and any(step.kind is not StepKind.RECORD for step in mine):
        return frozenset()
    return frozenset(
        (step.kind, step.host, step.count, step.total, step.changes, step.containers)
        for step in mine
        if host or step.kind is not StepKind.RECORD
    )
