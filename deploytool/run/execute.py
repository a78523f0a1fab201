"""Execution of a plan: its steps in the order of their needs, in parallel over hosts and services.

The caller's thread schedules; worker threads only talk to hosts. Steps of one kind that are ready for one
host at the same time go in one round trip. The first step on a host takes the lease, which is renewed while
the host waits for others; the run releases it at its end.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from deploytool.backend.base import Backend, Outcome
from deploytool.errors import HostUnreachable
from deploytool.model.event import Event, Level, Note, StepDone, StepFailed, StepSkipped, StepStarted
from deploytool.model.intent import Intent
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.plan import Plan, Step, StepKind
from deploytool.model.release import Lease
from deploytool.run.interrupts import Interrupts
from deploytool.run.leases import Leases
from deploytool.run.step_queue import StepQueue
from deploytool.run.tasks import Tasks

TICK_S = 0.5
# Round trips to one host at the same time: sshd allows ten sessions on a connection, and streams take some.
MOST_PER_HOST = 6


@dataclass(slots=True)
class Executed:
    """The result of a plan's execution.

    ``done``: the ids of the steps that succeeded. ``seen``: hosts as observed after their last change.
    ``lost``: hosts that stopped answering, each with the reason. ``touched``: the projects whose containers
    may have been changed. ``paused``: the projects in which other hosts wait because of a failure.
    ``over_failure_limit``: (project, service) pairs with more failures than are allowed. ``lease_conflict``:
    (host, lease) of another run, ``changed``: the name of a host that is not as it was planned; either stops
    the execution before that host is changed.
    """

    done: list[str] = field(default_factory=list)
    skipped: int = 0
    failures: list[StepFailed] = field(default_factory=list)
    seen: dict[str, ObservedHost] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    paused: set[str] = field(default_factory=set)
    over_failure_limit: set[tuple[str, str]] = field(default_factory=set)
    lease_conflict: tuple[str, Lease] | None = None
    changed: str = ""
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        return not (self.failures or self.lost or self.lease_conflict or self.changed or self.interrupted)

    def add(self, later: Executed) -> None:
        """Add the result of the next plan of the same run; only the last plan's skipped steps count."""
        self.done += later.done
        self.skipped = later.skipped
        self.failures += later.failures
        self.touched |= later.touched
        self.paused |= later.paused
        self.over_failure_limit |= later.over_failure_limit
        self.interrupted = self.interrupted or later.interrupted


@dataclass(slots=True)
class _Batch:
    """Steps that go to one host in one round trip."""

    steps: Sequence[Step]
    begun: float


class Execution:
    """One execution of a plan; ``run`` may be called once."""

    def __init__(
        self,
        plan: Plan,
        observed: Observed,
        intent: Intent,
        backend: Backend,
        leases: Leases,
        emit: Callable[[Event], None],
        forks: int,
        interrupts: Interrupts,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._queue = StepQueue(plan, intent)
        self._tasks = Tasks(plan, intent)
        self._observed, self._backend, self._leases, self._emit = observed, backend, leases, emit
        self._forks, self._clock, self._sleep = forks, clock, sleep
        self._interrupts = interrupts
        self._running: dict[Future[Sequence[Outcome]], _Batch] = {}
        self._renewing: dict[Future[Sequence[Outcome]], tuple[str, str]] = {}
        self._result = Executed()
        self._stopping = ""

    def run(self) -> Executed:
        """Run every step that can run. After an interrupt the running steps finish, and no other starts."""
        pool = ThreadPoolExecutor(self._forks, thread_name_prefix="step")
        ended = False
        try:
            self._queue.skip_after_unreachable(self._observed)
            while True:
                self._heed_interrupts()
                delayed = self._begin_ready(pool)
                if not (self._running or self._renewing or delayed):
                    break
                self._renew(pool)
                self._finish_some()
            self._skip_rest()
            ended = True
        finally:
            pool.shutdown(wait=ended, cancel_futures=True)
        return self._result

    def _heed_interrupts(self) -> None:
        if self._interrupts.stop_requested and not self._result.interrupted:
            self._result.interrupted = True
            self._stopping = "the run was interrupted"
            self._emit(
                Note("interrupted: what is under way finishes; once more ends it at once", Level.WARNING)
            )

    # --- scheduling -------------------------------------------------------------------------------------

    def _begin_ready(self, pool: ThreadPoolExecutor) -> bool:
        """Start the ready steps of hosts with free capacity; true if a step waits only for its delay."""
        if self._stopping:
            return False
        room = self._room()
        batches: dict[tuple[object, ...], list[Step]] = {}
        delayed = False
        for step in self._queue.waiting():
            if self._queue.is_hopeless(step, self._result.lost):
                if self._queue.is_blocked_elsewhere(step):
                    self._result.paused.add(step.project)
                self._queue.skip([step])
            elif self._queue.may_begin(step) and room[step.host] >= _room_for(step):
                if self._clock() < self._queue.due_s(step):
                    delayed = True
                    continue
                key = _together(step)
                room[step.host] -= _room_for(step) if key not in batches else 0
                batches.setdefault(key, []).append(step)
        for batch in batches.values():
            self._begin(pool, batch)
        return delayed

    def _room(self) -> Counter[str]:
        """Host → the number of round trips that may start on it now."""
        room = Counter({step.host: MOST_PER_HOST for step in self._queue.waiting()})
        for batch in self._running.values():
            room[batch.steps[0].host] -= _room_for(batch.steps[0])
        room.subtract(host for host, _ in self._renewing.values())
        return room

    # --- running ----------------------------------------------------------------------------------------

    def _begin(self, pool: ThreadPoolExecutor, steps: Sequence[Step]) -> None:
        tasks = [self._tasks.of(step) for step in steps]
        for step in steps:
            self._queue.begin(step)
            self._emit(StepStarted(step))
        batch = _Batch(steps, self._clock())
        self._running[pool.submit(self._backend.perform, tasks, self._leases.claim)] = batch
        if steps[0].kind is not StepKind.PREPARE:
            self._result.touched.add(steps[0].project)

    def _finish_some(self) -> None:
        """Wait for a worker to finish, at most one tick, and process all finished ones."""
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
            if outcome.ok:
                self._done(step, outcome, seconds)
            else:
                self._fail(step, outcome, seconds)

    def _done(self, step: Step, outcome: Outcome, seconds: float) -> None:
        self._queue.finish(step, self._clock(), failed=False)
        self._result.done.append(step.id)
        self._emit(StepDone(step, seconds))
        for line in outcome.log:
            self._emit(Note(f"{step.host}: {line}", host=step.host))
        key = (step.host, step.project)
        if step.kind is StepKind.RECORD:
            self._leases.released(key)
        else:
            self._leases.renewed(key)
        self._result.seen.pop(step.host, None)  # out of date: the step has changed the host
        if outcome.observed:
            self._look_again(step, outcome.observed)

    def _look_again(self, step: Step, seen: ObservedHost) -> None:
        """Compare the host, now under the lease, with the one that was planned for; stop where it differs."""
        planned = self._observed.answered().get(step.host)
        if step.kind is StepKind.PREPARE and not _same(planned, seen, step.project):
            self._result.changed = step.host
            self._stopping = f"{step.host} changed since the plan was made"
        elif step.kind is StepKind.RECORD:
            self._result.seen[step.host] = seen

    def _fail(self, step: Step, outcome: Outcome, seconds: float) -> None:
        self._queue.finish(step, self._clock(), failed=True)
        if outcome.lease_conflict is not None:
            self._result.lease_conflict = (step.host, outcome.lease_conflict)
            self._stopping = f"another run holds the lease on {step.host}"
            self._leases.released((step.host, step.project))
            return
        self._leases.renewed((step.host, step.project))
        if outcome.changed:
            self._result.changed = step.host
            self._stopping = f"{step.host} changed since the plan was made"
            return
        failure = StepFailed(step, seconds, outcome.reason, outcome.hint, outcome.log)
        self._result.failures.append(failure)
        self._emit(failure)
        self._queue.count_failure(step)
        if not self._queue.others_may_continue(step):
            self._result.over_failure_limit.add((step.project, step.service))
        if step.kind is StepKind.PREPARE:
            # No container changes; the other preparations run, so that all their errors are reported.
            because = f"{step.host} could not be prepared, and nothing changes before all hosts are"
            self._queue.skip((s for s in self._queue.waiting() if s.kind is not StepKind.PREPARE), because)
        elif self._queue.ends_project(step):
            self._result.paused.add(step.project)
            self._queue.skip_project(step.project)

    def _lose(self, steps: Sequence[Step], seconds: float, error: HostUnreachable) -> None:
        self._result.lost[steps[0].host] = error.message
        for step in steps:
            self._queue.finish(step, self._clock(), failed=True)
            self._queue.count_failure(step)
            self._emit(StepFailed(step, seconds, error.message, error.hint, lost=True))
        if any(step.kind is StepKind.PREPARE for step in steps):
            # No container was changed yet: the rest is planned again, without this host.
            self._stopping = f"{steps[0].host} stopped answering"

    # --- leases -----------------------------------------------------------------------------------------

    def _renew(self, pool: ThreadPoolExecutor) -> None:
        """Renew the leases of hosts that wait for others. A running step renews its own."""
        busy = {(batch.steps[0].host, batch.steps[0].project) for batch in self._running.values()}
        for key in [key for key in self._leases.due() if key not in busy | {*self._renewing.values()}]:
            self._renewing[pool.submit(self._renew_one, key)] = key

    def _renew_one(self, key: tuple[str, str]) -> Sequence[Outcome]:
        return [self._leases.renew(key)]

    def _finish_renewal(self, future: Future[Sequence[Outcome]]) -> None:
        key = self._renewing.pop(future)
        try:
            (outcome,) = future.result()
        except HostUnreachable as error:
            self._result.lost[key[0]] = error.message
            self._leases.released(key)
            return
        self._leases.renewed(key)
        if outcome.lease_conflict is not None:
            self._leases.released(key)
            self._result.lease_conflict = (key[0], outcome.lease_conflict)
            self._stopping = f"another run took the lease on {key[0]}"

    def _skip_rest(self) -> None:
        because = self._stopping or "a step before it failed"
        self._queue.skip(self._queue.waiting())
        self._result.skipped = len(self._queue.skipped)
        if not (self._result.changed or self._result.lease_conflict):
            for step, why in self._queue.skipped:
                self._emit(StepSkipped(step, why or because))


def _room_for(step: Step) -> int:
    """The number of a host's round trips that a step takes: all of them where it also observes the host."""
    return MOST_PER_HOST if step.kind in (StepKind.PREPARE, StepKind.RECORD) else 1


def _together(step: Step) -> tuple[object, ...]:
    """The key of a batch: ready steps with equal keys go in one round trip.

    A round trip takes as long as its slowest step. So a step that others wait for (a replacement, a job)
    goes alone, as does one that writes the project's folder.
    """
    goal = step.gate.until if step.gate else ""
    replaces = step.replaces and step.kind in (StepKind.START, StepKind.STOP)
    alone = step.id if replaces or step.kind in (StepKind.PREPARE, StepKind.RECORD) else ""
    return step.host, step.project, step.kind, goal, alone


def _same(planned: ObservedHost | None, seen: ObservedHost, project_name: str) -> bool:
    if planned is None or _release(planned, project_name) != _release(seen, project_name):
        return False
    return _containers(planned, project_name) == _containers(seen, project_name)


def _release(host: ObservedHost, project_name: str) -> str:
    """The digest of the recorded release: another run may have changed it without changing a container."""
    folder = host.projects.get(project_name)
    return folder.release.digest if folder and folder.release else ""


def _containers(host: ObservedHost, project_name: str) -> frozenset[tuple[str, str]]:
    return frozenset((c.id, c.spec) for c in host.containers if c.project == project_name)
