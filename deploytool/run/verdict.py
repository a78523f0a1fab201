"""What a watcher learns from a change that has ended: what helped, what did not, and what to leave alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from deploytool.core.patience import History, HostKey, ServiceKey
from deploytool.errors import LeaseHeld, ManyProblems
from deploytool.model.event import Report
from deploytool.model.plan import ProjectPlan, Step, StepKind
from deploytool.model.service import Project

Difference = frozenset[tuple[object, ...]]

# The same difference after this many repairs that went well is not what a repair can cure.
SAME_TWICE = 2


class Verdicts:
    """Remembers, by service, the difference that was there after its last repair, and how often."""

    def __init__(self) -> None:
        self._left: dict[ServiceKey, tuple[Difference, int]] = {}

    def forget(self, projects: Collection[str]) -> None:
        """The files of these projects have changed."""
        self._left = {key: known for key, known in self._left.items() if key[0] not in projects}

    def learn(
        self,
        project: Project,
        plan: ProjectPlan,
        found: Report | BaseException,
        history: History,
        now_s: float,
    ) -> tuple[str, History]:
        """The outcome in a word (ok, failed, held, refused, lost), and what is remembered of it.

        A service of which a step failed is left alone for a while; so is one whose steps went well twice
        while the same difference came back. A host that could not be prepared is left alone for its project,
        unless the project gets a new release: that changes all hosts or none.
        """
        if isinstance(found, (LeaseHeld, KeyboardInterrupt)):
            return "held", history
        if isinstance(found, BaseException):
            why = found.problems[0].message if isinstance(found, ManyProblems) else repr(found)
            history = history.judged(dict.fromkeys(_services(plan.steps), why), (), now_s)
            return "refused" if isinstance(found, ManyProblems) else "failed", history
        bad, hosts = self._failed(plan, found)
        left = {one.project: one for one in found.left.projects}.get(project.name)
        for key in () if found.skipped else _services(plan.steps) - bad.keys():
            again = [step for step in left.steps if not _has_own_rest(step, history)] if left else []
            if self._came_back(key, plan.steps, again):
                bad[key] = "the same difference came back after it was repaired"
        lost = bool(found.unreachable.keys() & {step.host for step in plan.steps})
        if not (lost or found.interrupted):
            tried = {(project.name, step.host) for step in plan.steps}
            history = history.judged(bad, _services(plan.steps) - bad.keys(), now_s)
            history = history.prepared(hosts, tried - hosts.keys(), now_s)
        return "failed" if bad or hosts else "lost" if lost else "ok", history

    def _failed(self, plan: ProjectPlan, report: Report) -> tuple[dict[ServiceKey, str], dict[HostKey, str]]:
        bad: dict[ServiceKey, str] = {}
        hosts: dict[HostKey, str] = {}
        for failure in report.failures:
            step = failure.step
            if step.service:
                bad[step.project, step.service] = failure.reason
            elif plan.repairs:
                hosts[step.project, step.host] = failure.reason
            else:
                bad |= dict.fromkeys(_services(plan.steps), failure.reason)
        return bad, hosts

    def _came_back(self, key: ServiceKey, planned: Iterable[Step], left: Iterable[Step]) -> bool:
        before, after = _difference(key, planned), _difference(key, left)
        if not after or before != after:
            self._left.pop(key, None)
            return False
        known, times = self._left.get(key, (after, 0))
        self._left[key] = (after, times + 1 if known == after else 1)
        return self._left[key][1] >= SAME_TWICE


def _has_own_rest(step: Step, history: History) -> bool:
    """Whether a step is for replicas that failed by themselves: these are left alone one by one."""
    if not step.containers:
        return (step.project, step.service, step.host) in history.orphans
    return all(container.id in history.containers for container in step.containers)


def _services(steps: Iterable[Step]) -> set[ServiceKey]:
    return {(step.project, step.service) for step in steps if step.service}


def _difference(key: ServiceKey, steps: Iterable[Step]) -> Difference:
    """What is to be done for a service, so that it can be told whether it is the same again."""
    return frozenset(
        (step.kind, step.host, step.count, step.total, step.changes, step.containers)
        for step in steps
        if (step.project, step.service) == key and step.kind is not StepKind.RECORD
    )
