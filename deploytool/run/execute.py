"""Does the steps of a plan, as far as their needs allow, side by side over hosts.

One thread decides (the caller's); workers only talk to hosts. What is ready for one host and of one kind
goes in one round trip. The lease is taken by the first step on a host, kept alive while the host waits
for others, and given back at the end, whatever happened.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from enum import Enum

from deploytool.engine.base import Hold, Outcome, Task
from deploytool.errors import HostUnreachable
from deploytool.model.event import Event, StepDone, StepFailed, StepSkipped, StepStarted
from deploytool.model.observed import Lease, Observed, ObservedHost
from deploytool.model.plan import Plan, ProjectPlan, Step, StepKind
from deploytool.model.service import Intent
from deploytool.run.failures import Failures
from deploytool.run.fanout import Engines

TICK_S = 0.5


class _State(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(slots=True)
class Executed:
    """What became of a plan. ``seen`` are the hosts that were looked at on the way, after their change.

    ``held`` is the lease of another run, ``changed`` a host that was not as planned: in both cases nothing
    was touched on account of it. ``lost`` are hosts that stopped answering.
    """

    done: int = 0
    skipped: int = 0
    failures: list[StepFailed] = field(default_factory=list)
    seen: dict[str, ObservedHost] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    held: tuple[str, Lease] | None = None
    changed: str = ""
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        return not (self.failures or self.lost or self.held or self.changed or self.interrupted)


@dataclass(slots=True)
class _Batch:
    """Steps that go to one host in one round trip."""

    steps: Sequence[Step]
    begun: float


class Execution:
    """One plan being done. Use once: ``run``."""

    def __init__(
        self,
        plan: Plan,
        observed: Observed,
        intent: Intent,
        engines: Engines,
        hold: Hold,
        emit: Callable[[Event], None],
        forks: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._projects = {project.project: project for project in plan.projects}
        self._steps = {step.id: step for step in plan.steps}
        self._state = dict.fromkeys(self._steps, _State.WAITING)
        self._waiting = list(self._steps.values())
        self._unfinished = {name: Counter[int]() for name in self._projects}
        for step in self._waiting:
            self._unfinished[step.project][_phase(step)] += 1
        self._intent = {project.name: project for project in intent.projects}
        self._failed = Failures()
        self._spoilt: set[str] = set()  # projects in which a step did not succeed: nothing to record
        self._ended: dict[str, float] = {}
        self._pulls = {(p.name, s.name): s.pull for p in intent.projects for s in p.services}
        self._observed, self._engines, self._hold, self._emit = observed, engines, hold, emit
        self._forks, self._clock, self._sleep = forks, clock, sleep
        self._running: dict[Future[Sequence[Outcome]], _Batch] = {}
        self._renewing: dict[Future[Sequence[Outcome]], tuple[str, str]] = {}
        self._leases: dict[tuple[str, str], float] = {}  # (host, project) → when it was last renewed
        self._result = Executed()
        self._skipped: list[Step] = []
        self._stopping = ""

    def run(self) -> Executed:
        """Do all that can be done. A first interrupt lets the steps under way finish; a second one ends."""
        pool = ThreadPoolExecutor(self._forks, thread_name_prefix="step")
        at_once = False
        try:
            while True:
                try:
                    delayed = self._begin_ready(pool)
                    if not self._running and not delayed:
                        break
                    self._renew(pool)
                    self._finish_some()
                except KeyboardInterrupt:
                    at_once = self._result.interrupted
                    if at_once:
                        raise
                    self._result.interrupted = True
                    self._stopping = "the run was interrupted"
            wait(self._renewing)
            self._skip_rest()
            self._unlock(pool)
        finally:
            pool.shutdown(wait=not at_once, cancel_futures=True)
        return self._result

    # --- choosing ---------------------------------------------------------------------------------------

    def _begin_ready(self, pool: ThreadPoolExecutor) -> bool:
        """Begin what is ready on hosts that are free; says whether something only waits for its delay."""
        if self._stopping:
            return False
        busy = self._busy()
        batches: dict[str, list[Step]] = {}
        delayed = False
        for step in list(self._waiting):
            if self._is_hopeless(step):
                self._settle(step, _State.SKIPPED)
            elif step.host not in busy and self._is_allowed(step):
                if self._clock() < self._earliest(step):
                    delayed = True
                    continue
                batch = batches.setdefault(step.host, [])
                if not batch or _together(batch[0], step):
                    batch.append(step)
        for batch in batches.values():
            self._begin(pool, batch)
        return delayed

    def _busy(self) -> set[str]:
        running = {batch.steps[0].host for batch in self._running.values()}
        return running | {host for host, _ in self._renewing.values()}

    def _is_hopeless(self, step: Step) -> bool:
        if step.host in self._result.lost or (step.kind is StepKind.RECORD and step.project in self._spoilt):
            return True
        return any(self._blocks(need, step) for need in step.needs)

    def _blocks(self, need: str, step: Step) -> bool:
        """Whether what became of ``need`` rules ``step`` out: a failure elsewhere may be tolerated."""
        if self._state.get(need) not in (_State.FAILED, _State.SKIPPED):
            return False
        needed = self._steps[need]
        return needed.host == step.host or not self._failed.tolerated(self._intent[step.project], needed)

    def _is_allowed(self, step: Step) -> bool:
        """All needs have ended, and all of the project's earlier phases."""
        if any(self._state.get(need) in (_State.WAITING, _State.RUNNING) for need in step.needs):
            return False
        return _phase(step) <= min(phase for phase, n in self._unfinished[step.project].items() if n)

    def _earliest(self, step: Step) -> float:
        last = max((self._ended.get(need, 0.0) for need in step.needs), default=0.0)
        return last + step.delay_s if step.delay_s else 0.0

    def _settle(self, step: Step, state: _State) -> None:
        """A step came to its end, or never will."""
        self._state[step.id] = state
        self._unfinished[step.project][_phase(step)] -= 1
        if state is not _State.DONE:
            self._spoilt.add(step.project)
        if state is _State.SKIPPED:
            self._waiting.remove(step)
            self._skipped.append(step)

    # --- doing ------------------------------------------------------------------------------------------

    def _begin(self, pool: ThreadPoolExecutor, steps: Sequence[Step]) -> None:
        tasks = [self._task(step) for step in steps]
        engine = self._engines.named(steps[0].host)
        for step in steps:
            self._state[step.id] = _State.RUNNING
            self._emit(StepStarted(step))
        chosen = {step.id for step in steps}
        self._waiting = [step for step in self._waiting if step.id not in chosen]
        batch = _Batch(steps, self._clock())
        self._running[pool.submit(engine.perform, tasks, self._hold)] = batch

    def _task(self, step: Step) -> Task:
        project = self._projects[step.project]
        files = project.files.get(step.host)
        spec = files.specs.get(step.service) if files else None
        writes = step.kind in (StepKind.PREPARE, StepKind.RECORD, StepKind.ENDPOINTS)
        return Task(
            step=step,
            files=files if writes else None,
            release=project.release if step.kind is StepKind.RECORD else None,
            spec=spec.digest if spec else "",
            images=self._images(project, step.host) if step.kind is StepKind.PREPARE else (),
        )

    def _images(self, project: ProjectPlan, host_name: str) -> tuple[tuple[str, str], ...]:
        """The images of all that will be started on a host, once each, with the pull policy."""
        starting = {
            step.service
            for step in self._steps.values()
            if step.project == project.project and step.host == host_name and step.kind is StepKind.START
        }
        specs = project.files[host_name].specs
        wanted = {specs[s].image: self._pulls.get((project.project, s), "missing") for s in sorted(starting)}
        return tuple((policy, image) for image, policy in wanted.items())

    def _finish_some(self) -> None:
        """Wait until a worker comes back, or a tick passes, and take in what there is."""
        pending = [*self._running, *self._renewing]
        if pending:
            wait(pending, TICK_S, FIRST_COMPLETED)
        else:
            self._sleep(TICK_S)
        for batch in [future for future in self._running if future.done()]:
            self._finish_batch(batch)
        for renewal in [future for future in self._renewing if future.done()]:
            self._finish_renewal(renewal)

    def _finish_batch(self, future: Future[Sequence[Outcome]]) -> None:
        batch = self._running.pop(future)
        seconds = self._clock() - batch.begun
        try:
            outcomes = future.result()
        except HostUnreachable as error:
            self._lose(batch.steps, seconds, error)
            return
        for step, outcome in zip(batch.steps, outcomes, strict=True):
            self._ended[step.id] = self._clock()
            if outcome.ok:
                self._done(step, outcome, seconds)
            else:
                self._fail(step, outcome, seconds)

    def _done(self, step: Step, outcome: Outcome, seconds: float) -> None:
        self._settle(step, _State.DONE)
        self._result.done += 1
        self._emit(StepDone(step, seconds))
        key = (step.host, step.project)
        if step.kind is StepKind.RECORD:
            self._leases.pop(key, None)
        else:
            self._leases[key] = self._clock()
        self._result.seen.pop(step.host, None)  # what was seen before is not true any more
        if outcome.observed:
            self._look_again(step, outcome.observed)

    def _look_again(self, step: Step, seen: ObservedHost) -> None:
        """Under the lease the host must still be what the plan was made for."""
        if step.kind is StepKind.PREPARE and not _same(self._observed.get(step.host), seen, step.project):
            self._result.changed = step.host
            self._stopping = f"{step.host} changed since the plan was made"
        elif step.kind is StepKind.RECORD:
            self._result.seen[step.host] = seen

    def _fail(self, step: Step, outcome: Outcome, seconds: float) -> None:
        self._settle(step, _State.FAILED)
        if outcome.held is not None:
            self._result.held = (step.host, outcome.held)
            self._stopping = f"another run holds the lease on {step.host}"
            self._leases.pop((step.host, step.project), None)
            return
        self._leases[step.host, step.project] = self._clock()
        if outcome.changed:
            self._result.changed = step.host
            self._stopping = f"{step.host} changed since the plan was made"
            return
        hint = outcome.hint or _next_command(step)
        failure = StepFailed(step, seconds, outcome.reason, hint, outcome.log)
        self._result.failures.append(failure)
        self._emit(failure)
        self._failed.note(step)
        untouched = step.kind is StepKind.PREPARE  # nothing in this project was touched yet
        if untouched or self._failed.ends_all(self._intent[step.project], step):
            for other in [other for other in self._waiting if other.project == step.project]:
                self._settle(other, _State.SKIPPED)

    def _lose(self, steps: Sequence[Step], seconds: float, error: HostUnreachable) -> None:
        self._result.lost[steps[0].host] = error.message
        for step in steps:
            self._settle(step, _State.FAILED)
            self._failed.note(step)
            self._emit(StepFailed(step, seconds, error.message, error.hint, lost=True))
        if any(step.kind is StepKind.PREPARE for step in steps):
            # Nothing was touched: the rest is planned anew, without this host.
            self._stopping = f"{steps[0].host} stopped answering"

    # --- leases -----------------------------------------------------------------------------------------

    def _renew(self, pool: ThreadPoolExecutor) -> None:
        busy = self._busy()
        for (host, project), renewed in self._leases.items():
            if host in busy or self._clock() < renewed + self._hold.ttl_s / 3:
                continue
            busy.add(host)
            self._renewing[pool.submit(self._renew_one, host, project)] = (host, project)

    def _renew_one(self, host_name: str, project: str) -> Sequence[Outcome]:
        return [self._engines.named(host_name).renew(project, self._hold)]

    def _finish_renewal(self, future: Future[Sequence[Outcome]]) -> None:
        host, project = self._renewing.pop(future)
        try:
            (outcome,) = future.result()
        except HostUnreachable as error:
            self._result.lost[host] = error.message
            self._leases.pop((host, project), None)
            return
        self._leases[host, project] = self._clock()
        if outcome.held is not None:
            self._leases.pop((host, project), None)
            self._result.held = (host, outcome.held)
            self._stopping = f"another run took the lease on {host}"

    def _unlock(self, pool: ThreadPoolExecutor) -> None:
        """Give back every lease that no ``RECORD`` gave back. A host that is gone lets it expire."""
        leases = [(host, project) for host, project in self._leases if host not in self._result.lost]
        futures = [pool.submit(self._engines.named(h).unlock, project, self._hold) for h, project in leases]
        for (host, _), future in zip(leases, futures, strict=True):
            try:
                future.result()
            except HostUnreachable as error:
                self._result.lost[host] = error.message

    def _skip_rest(self) -> None:
        because = self._stopping or "a step before it failed"
        for step in list(self._waiting):
            self._settle(step, _State.SKIPPED)
        self._result.skipped = len(self._skipped)
        if not (self._result.changed or self._result.held):
            for step in self._skipped:
                self._emit(StepSkipped(step, because))


_LAST_PHASE = 1_000_000


def _phase(step: Step) -> int:
    """Preparations, then wave after wave, then the records."""
    return {StepKind.PREPARE: 0, StepKind.RECORD: _LAST_PHASE}.get(step.kind, 1 + step.wave)


def _together(first: Step, step: Step) -> bool:
    """Whether two ready steps of a host go in one round trip; those that write go alone."""
    alone = first.kind in (StepKind.PREPARE, StepKind.RECORD)
    return not alone and (first.kind, first.project) == (step.kind, step.project)


def _same(planned: object, seen: ObservedHost, project_name: str) -> bool:
    if not isinstance(planned, ObservedHost) or _release(planned, project_name) != _release(
        seen, project_name
    ):
        return False
    return _containers(planned, project_name) == _containers(seen, project_name)


def _release(host: ObservedHost, project_name: str) -> str:
    """What another run may have recorded meanwhile, without a container that tells of it."""
    folder = host.projects.get(project_name)
    return folder.release.digest if folder and folder.release else ""


def _containers(host: ObservedHost, project_name: str) -> frozenset[tuple[str, str]]:
    return frozenset((c.id, c.spec) for c in host.containers if c.project == project_name)


def _next_command(step: Step) -> str:
    if step.kind in (StepKind.START, StepKind.RESTART):
        return f"on {step.host}: docker compose -p {step.project} logs {step.service}"
    return ""
