"""Counters of a watcher since its start, and its last actions, for the snapshot."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator

from deploytool.core.watch.backoff import History, Setback
from deploytool.model.event import Event, Level, Note, StepDone, StepFailed
from deploytool.model.observed import ObservedHost
from deploytool.model.plan import Step, StepKind
from deploytool.model.snapshot import DURATIONS_S, Action, Counts

KEPT_ACTIONS = 100


class Counters:
    """Counts of events, repairs and steps. Used by one thread, the watcher's."""

    def __init__(self) -> None:
        self._actions: deque[Action] = deque(maxlen=KEPT_ACTIONS)
        self._converges = Counter[str]()
        self._seconds = Counter[float]()
        self._seconds_sum = 0.0
        self._drifts = Counter[tuple[str, str]]()
        self._steps = Counter[tuple[str, str]]()
        self._failures = Counter[tuple[str, str]]()
        self._events = Counter[str]()
        self.looks = 0
        self.reloads = 0
        self.last_converge_s = 0.0
        self.last_success_s = 0.0

    @property
    def actions(self) -> tuple[Action, ...]:
        """The last actions, oldest first."""
        return tuple(self._actions)

    @property
    def counts(self) -> Counts:
        return Counts(
            converges=dict(self._converges),
            seconds=dict(self._seconds),
            seconds_sum=self._seconds_sum,
            drifts=dict(self._drifts),
            steps=dict(self._steps),
            failures=dict(self._failures),
            events=dict(self._events),
            looks=self.looks,
            reloads=self.reloads,
        )

    def happened(self, event: Event, text: str, when_s: float) -> None:
        """Count an event of a run, whose line for the user is ``text``."""
        if isinstance(event, (StepDone, StepFailed)) and event.step.service:
            step = event.step
            counts = self._steps if isinstance(event, StepDone) else self._failures
            counts[step.project, step.service] += 1
            level = Level.INFO if isinstance(event, StepDone) else Level.ERROR
            self._actions.append(Action(when_s, text, step.host, step.project, step.service, level))
        elif isinstance(event, StepFailed):
            self._actions.append(Action(when_s, text, event.step.host, event.step.project, "", Level.ERROR))
        elif isinstance(event, Note):
            self._actions.append(Action(when_s, event.message, event.host, level=event.level))

    def stirred(self, host_name: str) -> None:
        """Count an event of a host."""
        self._events[host_name] += 1

    def drifted(self, steps: Iterable[Step]) -> None:
        """Count the services that a repair is about."""
        for key in {(s.project, s.service) for s in steps if s.service and s.kind is not StepKind.PREPARE}:
            self._drifts[key] += 1

    def converged(self, outcome: str, seconds: float, when_s: float) -> None:
        """Count a repair that has ended: ok, failed, held, refused or lost."""
        self.last_converge_s = when_s
        if outcome == "ok":
            self.last_success_s = when_s
        self._converges[outcome] += 1
        self._seconds_sum += seconds
        for bound in DURATIONS_S:
            self._seconds[bound] += seconds <= bound


def failures_told(
    before: History, after: History, seen: ObservedHost, host: str, now_s: float
) -> Iterator[str]:
    """A sentence for each replica of a host that has failed since the last look."""
    for container in seen.containers:
        setback = after.containers.get(container.id)
        if setback and setback.at_s == now_s and before.containers.get(container.id) != setback:
            where = f"{host}: {container.project}/{container.service}"
            times = f", {setback.failures} times in a row" if setback.failures > 1 else ""
            yield f"{where}: {container.name} {setback.why}{times}{_rest(setback, now_s)}"


def rests_told(before: History, after: History, now_s: float) -> Iterator[str]:
    """A sentence for each service, and each host of a project, whose back-off has begun."""
    for (project, service), setback in after.services.items():
        if before.services.get((project, service)) != setback:
            yield f"{project}/{service}: {setback.why}{_rest(setback, now_s)}"
    for (project, host), setback in after.hosts.items():
        if before.hosts.get((project, host)) != setback:
            yield f"{host}: {project}: {setback.why}{_rest(setback, now_s)}"


def _rest(setback: Setback, now_s: float) -> str:
    seconds = setback.until_s - now_s
    return f"; left alone for {seconds:.0f} s" if seconds > 0 else ""
