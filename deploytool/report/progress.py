"""The lines of a live display: what is done, and what is waited for.

Pure: events and a clock in, lines of styled pieces out. Never more lines than the terminal has room for,
however many hosts there are; a line that is too wide is cut by whoever draws it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from deploytool.model.event import (
    Event,
    Finished,
    HostLooked,
    Looking,
    Note,
    Planned,
    StepDone,
    StepFailed,
    StepSkipped,
    StepStarted,
)
from deploytool.model.plan import GateGoal, Step, StepKind
from deploytool.model.str_enum import assert_never
from deploytool.report.sanitize import sanitize

Piece = tuple[str, str]  # a text and its style
Line = tuple[Piece, ...]  # on the screen

BAR_WIDTH = 20
_NAMES = 5


@dataclass(slots=True)
class _Done:
    """A count of things done, of a total, and of those that failed."""

    total: int = 0
    done: int = 0
    failed: int = 0


class Progress:
    """The state of one run as its events tell it."""

    def __init__(self) -> None:
        self._looking: dict[str, float] = {}
        self._looked = 0
        self._steps = _Done()
        self._services: dict[tuple[str, str], _Done] = {}
        self._active: dict[str, tuple[Step, float]] = {}
        self._begun: float | None = None

    def add(self, event: Event, now_s: float) -> None:
        """Take an event in. ``now_s`` is any clock that runs evenly."""
        self._begun = now_s if self._begun is None else self._begun
        match event:
            case Looking():
                self._looked = 0 if not self._looking else self._looked
                self._looking |= dict.fromkeys(event.hosts, now_s)
            case HostLooked():
                self._looking.pop(event.host, None)
                self._looked += 1
            case Planned():
                self._plan(event.plan.steps)
            case StepStarted():
                self._active[event.step.id] = (event.step, now_s)
            case StepDone() | StepFailed() | StepSkipped():
                self._ended(event.step, failed=not isinstance(event, StepDone))
            case Finished():
                self._active.clear()
            case Note():
                pass
            case _:
                assert_never(event)

    def lines(self, now_s: float, height: int) -> list[Line]:
        """At most ``height`` lines; none before the first event and after the last."""
        if self._begun is None:
            return []
        elapsed = _seconds(now_s - self._begun)
        if self._looking:
            return self._look_lines(now_s, elapsed)[:height]
        if not self._active:
            idle: Line = (("Working", ""), (f"  {elapsed}", "dim"))
            return [idle][:height]
        head: Line = (
            *_bar(self._steps),
            (f" {self._steps.done} of {self._steps.total} steps", "bold"),
            (f"  {elapsed}", "dim"),
        )
        services = self._service_lines(max(1, (height - 1) // 2))
        return [head, *services, *self._host_lines(now_s, height - 1 - len(services))]

    def _plan(self, steps: Iterable[Step]) -> None:
        self._steps, self._services = _Done(), {}
        for step in steps:
            self._steps.total += 1
            if step.service:
                self._services.setdefault((step.project, step.service), _Done()).total += _replicas(step)

    def _ended(self, step: Step, *, failed: bool) -> None:
        self._active.pop(step.id, None)
        service = self._services.get((step.project, step.service), _Done())
        for done, weight in ((self._steps, 1), (service, _replicas(step))):
            done.done += weight
            done.failed += weight if failed else 0

    def _look_lines(self, now_s: float, elapsed: str) -> list[Line]:
        total = self._looked + len(self._looking)
        slow = sorted(self._looking, key=lambda host: (self._looking[host], host))
        head: Line = (
            *_bar(_Done(total, self._looked)),
            (f" {self._looked} of {total} hosts looked at", "bold"),
            (f"  {elapsed}", "dim"),
        )
        more = f" and {len(slow) - _NAMES} more" if len(slow) > _NAMES else ""
        return [head, ((f"  waiting for {', '.join(map(sanitize, slow[:_NAMES]))}{more}", "dim"),)]

    def _service_lines(self, most: int) -> list[Line]:
        """Those that are not done first; what does not fit is counted."""
        open_first = sorted(self._services.items(), key=lambda item: item[1].done >= item[1].total)
        shown = open_first if len(open_first) <= most else open_first[: most - 1]
        width = max((len(_name(key)) for key, _ in shown), default=0)
        lines: list[Line] = []
        for key, done in shown:
            numbers = f" {done.done} of {done.total} replicas"
            lines.append(((f"  {_name(key):<{width}}  ", ""), *_bar(done), (numbers, "")))
        if len(shown) < len(open_first):
            lines.append(((f"  … and {len(open_first) - len(shown)} more services", "dim"),))
        return lines

    def _host_lines(self, now_s: float, most: int) -> list[Line]:
        by_host: dict[str, list[tuple[Step, float]]] = {}
        for step, since in self._active.values():
            by_host.setdefault(step.host, []).append((step, since))
        rows = sorted(by_host.items(), key=lambda item: (min(since for _, since in item[1]), item[0]))
        shown = rows if len(rows) <= most else rows[: max(0, most - 1)]
        width = max((len(sanitize(host)) for host, _ in shown), default=0)
        lines = [_host_line(host, width, steps, now_s) for host, steps in shown]
        if len(shown) < len(rows) and most > 0:
            lines.append(((f"  … and {len(rows) - len(shown)} more hosts at work", "dim"),))
        return lines


def _host_line(host: str, width: int, steps: list[tuple[Step, float]], now_s: float) -> Line:
    step, since = steps[0]
    others = f" (+{len(steps) - 1})" if len(steps) > 1 else ""
    waited = now_s - since
    deadline = f" of {step.gate.deadline_s:.0f} s" if step.gate and waited >= 1 else ""
    return (
        (f"  {sanitize(host):<{width}}  ", "cyan"),
        (f"{_action(step)}{others}", ""),
        (f"  {_seconds(waited)}{deadline}", "dim"),
    )


def _action(step: Step) -> str:
    """``starting 2 of shop/web until healthy``."""
    where = f"{step.project}/{step.service}" if step.service else step.project
    if step.service and step.kind is StepKind.START and not step.count:
        return sanitize(f"{where}: waiting {step.cause}")
    count = f" {step.count} of" if step.service else " for"
    goal = f", until {_GOALS[step.gate.until]}" if step.gate else ""
    return sanitize(f"{step.kind.doing}{count} {where}{goal}")


_GOALS = {GateGoal.READY: "ready", GateGoal.COMPLETED: "done", GateGoal.NONE: "started"}


def _replicas(step: Step) -> int:
    """The number of replicas that are up to date once the step is done; a replaced one counts once."""
    return step.count if step.stops or step.kind in (StepKind.START, StepKind.RESTART) else 0


def _name(key: tuple[str, str]) -> str:
    return sanitize("/".join(key))


def _bar(done: _Done) -> Iterator[Piece]:
    share = done.done / done.total if done.total else 1.0
    full = min(BAR_WIDTH, int(BAR_WIDTH * share))
    yield "━" * full, "red" if done.failed else "green"
    yield "─" * (BAR_WIDTH - full), "bright_black"


def _seconds(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{int(minutes)}m{int(rest):02}s" if minutes else f"{rest:.1f} s"
