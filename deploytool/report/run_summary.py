"""Events added up: the outcome of each host, and of each service on it, for the end of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from deploytool.model.event import (
    Event,
    Finished,
    HostLooked,
    Looking,
    Note,
    Planned,
    Report,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
)
from deploytool.model.plan import Plan, Step, StepKind
from deploytool.model.str_enum import assert_never

_CHANGES = (StepKind.START, StepKind.RESTART, StepKind.STOP)
FILES = "files"  # the case of a host's folder, beside those of its services


@dataclass(slots=True)
class Case:
    """One service on one host, or its files. ``pending`` are the causes of steps that are only planned."""

    project: str
    host: str
    service: str
    wanted: int = 0
    changed: int = 0
    seconds: float = 0.0
    failures: list[StepFailed] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class RunSummary:
    """A running account of one run. ``unreachable`` is why hosts did not answer, or were lost."""

    hosts: list[str] = field(default_factory=list)
    unreachable: dict[str, str] = field(default_factory=dict)
    cases: dict[tuple[str, str, str], Case] = field(default_factory=dict)
    report: Report | None = None

    def add(self, event: Event) -> None:
        """Take an event in, in the order in which they come."""
        match event:
            case HostLooked():
                self._looked(event)
            case Planned():
                self._planned(event.plan)
            case StepDone():
                self._done(event)
            case StepFailed():
                case = self._case(event.step)
                case.failures.append(event)
                case.seconds += event.seconds
                case.pending.pop(event.step.id, None)
                if event.lost:
                    self.unreachable[event.step.host] = event.reason
            case StepSkipped():
                case = self._case(event.step)
                case.skipped.append(event.because)
                case.pending.pop(event.step.id, None)
            case Finished():
                self.report = event.report
            case Looking() | StepStarted() | Note():
                pass
            case _:
                assert_never(event)

    def by_host(self) -> dict[str, list[Case]]:
        """The cases of every host, also of those that have none, by host name."""
        found: dict[str, list[Case]] = {host: [] for host in sorted({*self.hosts, *self.unreachable})}
        for case in self.cases.values():
            found.setdefault(case.host, []).append(case)
        return dict(sorted(found.items()))

    def _looked(self, event: HostLooked) -> None:
        if event.host not in self.hosts:
            self.hosts.append(event.host)
        if event.reason:
            self.unreachable[event.host] = event.reason
        else:
            self.unreachable.pop(event.host, None)

    def _planned(self, plan: Plan) -> None:
        for project in plan.projects:
            for (service, host), count in project.desired.counts.items():
                if count:
                    self._of(project.project, host, service).wanted = count
        changing = {step.host for step in plan.steps if step.service}
        for step in plan.steps:
            if step.service or step.host not in changing:  # the files follow the replicas: one piece of news
                self._case(step).pending[step.id] = step.cause

    def _done(self, event: StepDone) -> None:
        step = event.step
        case = self._case(step)
        case.seconds += event.seconds
        case.pending.pop(step.id, None)
        # A replacement counts once: when the old one has gone.
        if step.kind in _CHANGES and (step.kind is StepKind.STOP or not step.replaces):
            case.changed += step.count

    def _case(self, step: Step) -> Case:
        return self._of(step.project, step.host, step.service or FILES)

    def _of(self, project: str, host: str, service: str) -> Case:
        return self.cases.setdefault((project, host, service), Case(project, host, service))
