"""One run over an intent: observe → plan → change → observe again, until nothing is left to change."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploytool.backend.base import Attempt, Backend, LeaseClaim
from deploytool.core.change.guard import unusable
from deploytool.errors import INTERRUPTED, HostUnreachable, ManyProblems, Refused, Unachieved
from deploytool.model.event import Event, FailureOutcome, Finished, Level, Note, Planned, Report
from deploytool.model.intent import Intent, Project
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from deploytool.model.plan import Plan
from deploytool.model.release import Lease, Release
from deploytool.plan.policy import PlanPolicy
from deploytool.plan.records import hosts_elsewhere
from deploytool.run.execute import Executed, Execution
from deploytool.run.failure_outcome import attempts_of, failure_outcome
from deploytool.run.interrupts import Interrupts
from deploytool.run.lease_owner import TTL_S
from deploytool.run.lease_wait import LeaseWait
from deploytool.run.leases import Leases
from deploytool.run.rollback import PinnedRelease, ReleaseHistory, intent_of_releases, pinned, release_history

# A limit, since hosts that are lost or change during the run call for a new plan each time.
MAX_ROUNDS = 4

Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """``forks``: hosts at a time. ``lock_wait_s``: how long to wait for leases of other runs.

    A manual lease is not waited for. ``rounds``: the most plans that a run executes, where hosts are lost or
    change meanwhile.
    """

    forks: int = 20
    lock_wait_s: float = 0.0
    rounds: int = MAX_ROUNDS


@dataclass(slots=True)
class Progress:
    """The state of a run that carries out a plan.

    ``left``: the plan of what still differs. ``seen``: the hosts as last observed. ``total``: the result of
    all steps so far. ``endings``: the outcome of each project with failures. ``rolled_back``: project → the
    number of the release that it was rolled back to.
    """

    left: Plan
    seen: Observed
    total: Executed = field(default_factory=Executed)
    endings: dict[str, FailureOutcome] = field(default_factory=dict)
    rolled_back: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One run over an intent: its hosts, its backend, its lease.

    ``agreed`` raises ``Refused`` for a plan that is not the agreed one, before anything is changed. ``seen``:
    the hosts that the first plan was made from. ``away``: hosts that are taken for unreachable without being
    observed. ``pinned_releases``: the projects that were rolled back after failures. ``clock``: seconds,
    monotonic.
    """

    intent: Intent
    policy: PlanPolicy
    backend: Backend
    lease: Lease
    emit: Emit
    options: RunOptions = RunOptions()
    confirm: Callable[[Plan, Observed], bool] = lambda plan, seen: True
    agreed: Callable[[Plan, Observed], None] | None = None
    seen: Observed = field(default_factory=Observed)
    away: Mapping[str, Unreachable] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    interrupts: Interrupts = field(default_factory=Interrupts)
    pinned_releases: dict[str, PinnedRelease] = field(default_factory=dict)
    _hosts: dict[str, Host] = field(default_factory=dict)
    _leases: Leases = field(init=False)

    def __post_init__(self) -> None:
        self._leases = Leases(self.backend, self.claim, self.clock)

    @property
    def claim(self) -> LeaseClaim:
        """The claim with which this run takes and renews its leases."""
        return LeaseClaim(self.lease, TTL_S)

    # --- observing and planning -------------------------------------------------------------------------

    def answering(self) -> Mapping[str, ObservedHost]:
        """The hosts of this run that answer, observed again."""
        return self._look(self._hosts).answered()

    def observe(self) -> Observed:
        """Observe the hosts of every play, then those outside the plays that may hold parts of projects."""
        of_plays = (host for project in self.intent.projects for host in project.hosts)
        self._hosts = {host.name: host for host in of_plays if host.name not in self.away}
        seen = self._look(self._hosts).with_hosts(self.away)
        known = self.intent.inventory.hosts
        before = {name: known[name] for name in self.seen if name in known and name not in seen}
        elsewhere = before | hosts_elsewhere(self.intent, seen)
        while elsewhere:  # their records may name further hosts
            self._hosts |= elsewhere
            seen = seen.with_hosts(self._look(elsewhere))
            elsewhere = hosts_elsewhere(self.intent, seen)
        return seen

    def roll_back_to(self, wanted: Sequence[tuple[ReleaseHistory, Release]]) -> None:
        """Make older releases the intent of this run; services that vanish by this need no confirmation.

        Raises:
            Refused: the definitions of a release are missing.
        """
        self.away = {name: why for history, _ in wanted for name, why in history.unreachable.items()}
        self.intent, schedules = intent_of_releases(self.intent, wanted, self.backend)
        self.policy = self.policy.pinning(schedules).as_asked()

    def plan(self) -> tuple[Plan, Observed]:
        """Observe and plan, without changing a host; returns the plan and the hosts that it was made from.

        Raises:
            HostsUnusable, NoHost, Refused, InputError.
        """
        seen = self.observe()
        unusable(self._hosts, seen, self.policy.limit)
        plan = self._plan(self.intent, seen, self.policy)
        if self.agreed:
            self.agreed(plan, seen)
        self.seen = seen
        self.emit(Planned(plan))
        return plan, seen

    def _look(self, hosts: Mapping[str, Host]) -> Observed:
        return self.backend.observe(hosts, self.options.forks, self.emit)

    def _plan(self, intent: Intent, seen: Observed, policy: PlanPolicy) -> Plan:
        plan = self.backend.plan(intent, seen, policy)
        self.policy = replace(self.policy, began=plan.began)
        return plan

    # --- changing ---------------------------------------------------------------------------------------

    def converge(self) -> Report:
        """Observe, plan and carry out the plan, unless it is declined; returns the report.

        Raises:
            HostsUnusable, NoHost, Refused, InputError: before anything is changed. LeaseHeld.
        """
        begun = self.clock()
        plan, seen = self.plan()
        if plan and not self.confirm(plan, seen):
            return Report(plan, unreachable=_unreachable(seen), left=plan, seconds=self.clock() - begun)
        return self.carry_out(plan, seen, begun)[0]

    def carry_out(self, plan: Plan, seen: Observed, begun: float | None = None) -> tuple[Report, Observed]:
        """Carry out a plan that was made from ``seen``; returns the report, and the hosts as last observed.

        Raises:
            NoHost, Refused, InputError: from planning again. LeaseHeld.
        """
        begun = self.clock() if begun is None else begun
        self._hosts = {**self.intent.inventory.hosts, **self._hosts}
        progress = Progress(plan, seen)
        with self.interrupts.graceful():
            try:
                self._run_rounds(progress, begun + self.options.lock_wait_s)
                self._after_failures(progress)
            except Exception:
                self._release_leases(progress, {})
                raise
            attempts = attempts_of(plan, progress.total, progress.endings, progress.rolled_back)
            self._release_leases(progress, attempts)
        report = _report(plan, progress, self.clock() - begun)
        self.emit(Finished(report))
        return report, progress.seen

    def _run_rounds(self, progress: Progress, deadline: float) -> None:
        """Execute the plan, and a new one each time that hosts were lost or changed during it."""
        wait = LeaseWait(self.lease, self.emit, self.interrupts, deadline, self.clock, self.sleep)
        rounds = 0
        while progress.left and rounds < self.options.rounds:
            take_from = self._await_leases(progress, wait)
            executed = self._round(progress, self.intent, self.policy, take_from)
            if self.agreed and (executed.lease_conflict or executed.changed):
                self.agreed(progress.left, progress.seen)
            if executed.lease_conflict:
                self._release_leases(progress, {})
                if wait.give_way(*executed.lease_conflict, touched=bool(executed.touched)):
                    self._plan_again(progress)
                continue
            rounds += 1
            # A pinned schedule and an agreed plan do not change, so they cannot do without a lost host.
            lost = executed.lost and (self.policy.pinned or self.agreed)
            if executed.failures or executed.interrupted or executed.ok or lost:
                return

    def _round(self, progress: Progress, intent: Intent, policy: PlanPolicy, take_from: str = "") -> Executed:
        """Execute the plan of what is left, observe its hosts, and plan again for ``intent``."""
        self._leases.claim = replace(self.claim, take_from=take_from)
        plan, seen = progress.left, progress.seen
        how = (self.emit, self.options.forks, self.interrupts, self.clock)
        executed = Execution(plan, seen, plan.whole(intent), self.backend, self._leases, *how).run()
        progress.total.add(executed)
        progress.seen = self._look_again(plan, seen, executed)
        try:
            now = policy.midway() if progress.total.touched else policy
            progress.left = self._plan(intent, progress.seen, now)
        except ManyProblems as error:
            if not (progress.total.failures or progress.total.interrupted):
                raise
            for problem in error.problems:  # not raised: the report and a rollback of the failure come first
                self.emit(Note(f"what is left cannot be planned: {problem.message}", Level.WARNING))
            progress.left = plan.without(executed.done)
        return executed

    def _look_again(self, plan: Plan, seen: Observed, executed: Executed) -> Observed:
        """The hosts after a round; those that changed and were not observed after it are observed here."""
        touched = {step.host for step in plan.steps} - executed.seen.keys() - executed.lost.keys()
        again = self._look({name: self._hosts[name] for name in sorted(touched)})
        lost = {name: Unreachable(reason) for name, reason in executed.lost.items()}
        return seen.with_hosts({**executed.seen, **again, **lost})

    # --- leases -----------------------------------------------------------------------------------------

    def _await_leases(self, progress: Progress, wait: LeaseWait) -> str:
        """Wait until no other run holds a lease that the plan needs; then plan again.

        Returns the owner of a lease that may be taken before it expires, else "".
        """
        while found := wait.conflict(progress.left, progress.seen):
            host, lease = found
            if wait.may_take(host, lease):
                return lease.owner
            self._release_leases(progress, {})
            wait.poll(host, lease)
            now = progress.seen.with_hosts(self.backend.observe({host: self._hosts[host]}))
            still = wait.conflict(progress.left, now)
            if still is None or (still[0], still[1].owner) != (host, lease.owner):
                self._plan_again(progress)
        return ""

    def _plan_again(self, progress: Progress) -> None:
        """Observe the hosts and plan again, since another run has changed them."""
        hosts = {name: self._hosts[name] for name in progress.seen if name not in self.away}
        progress.seen = self._look(hosts).with_hosts(self.away)
        progress.left = self._plan(self.intent, progress.seen, self.policy)
        if self.agreed:
            self.agreed(progress.left, progress.seen)

    def _release_leases(
        self, progress: Progress, attempts: Mapping[str, tuple[Attempt, frozenset[str]]]
    ) -> None:
        """Release every lease that no ``RECORD`` has released, and record the failed releases."""
        on_record = {
            (host, project): attempt
            for project, (attempt, hosts) in attempts.items()
            for host in hosts
            if host in progress.seen.answered()
        }
        away = set(progress.seen.unreachable())
        failed = self._leases.release_all(away, on_record, self.options.forks)
        for (host, project), why in failed.items():
            self.emit(Note(f"{host}: {project}: the lease was not given back: {why}", Level.WARNING, host))

    # --- after a failure --------------------------------------------------------------------------------

    def _after_failures(self, progress: Progress) -> None:
        """Determine the outcome of each project with failures, and roll back where its policy says so."""
        total = progress.total
        repaired = {plan.project for plan in progress.left.projects if plan.repairs}
        for project in progress.left.whole(self.intent).projects:
            ending = failure_outcome(project, total)
            if ending is FailureOutcome.NOT_ROLLED_BACK and project.name in repaired:
                # The release on record is the one being repaired: a rollback would repeat what failed.
                ending = FailureOutcome.PAUSED
            if ending:
                progress.endings[project.name] = ending
        back = [
            project
            for project in self.intent.projects
            if progress.endings.get(project.name) is FailureOutcome.NOT_ROLLED_BACK
        ]
        if back and not total.interrupted:
            self._roll_back(progress, back)

    def _roll_back(self, progress: Progress, projects: Sequence[Project]) -> None:
        """Roll projects back to their current releases, with all their services.

        A rollback that fails is not tried again; the report names it.
        """
        wanted = []
        for project in projects:
            history = release_history(project, progress.seen, self.backend, self.options.forks)
            progress.seen = progress.seen.with_hosts(history.unreachable)
            if history.current_release:
                wanted.append((history, history.current_release))
            else:
                self.emit(Note(f"{history.project}: there is no release to roll back to", Level.WARNING))
        if not wanted:
            return
        try:
            releases = self._execute_rollback(progress, wanted)
        except Refused as error:
            self.emit(Note(f"not rolled back: {error.message}", Level.WARNING))
        else:
            self._conclude_rollback(progress, releases)

    def _execute_rollback(
        self, progress: Progress, wanted: Sequence[tuple[ReleaseHistory, Release]]
    ) -> list[PinnedRelease]:
        """Execute the rollback, with another round each time that hosts were lost during it.

        Returns each project, pinned to its target release.

        Raises:
            Refused: the definitions of a release are missing, or a guard refuses the plan.
        """
        intent, schedules = intent_of_releases(self.intent, wanted, self.backend)
        for history, release in wanted:
            self.emit(Note(f"{history.project}: rolling back to release {release.number}"))
        for _ in range(self.options.rounds):
            policy = self.policy.pinning(schedules).midway()
            progress.left = self._plan(intent, progress.seen, policy)
            executed = self._round(progress, intent, policy)
            stopped = executed.failures or executed.interrupted or executed.lease_conflict
            if stopped or not (progress.left and executed.lost):
                break
            lost = {name: Unreachable(why) for name, why in executed.lost.items()}
            wanted = [
                (replace(history, unreachable={**history.unreachable, **lost}), release)
                for history, release in wanted
            ]
            intent, schedules = intent_of_releases(self.intent, wanted, self.backend)
        pairs = zip(intent.projects, wanted, strict=True)
        return [pinned(project, history, release, progress.seen) for project, (history, release) in pairs]

    def _conclude_rollback(self, progress: Progress, releases: Sequence[PinnedRelease]) -> None:
        differs = {project.project for project in progress.left.projects if project.steps}
        for one in releases:
            name = one.project.name
            progress.rolled_back[name] = one.number
            if name in differs:
                progress.endings[name] = FailureOutcome.ROLLBACK_FAILED
            else:
                progress.endings[name] = FailureOutcome.ROLLED_BACK
                self.pinned_releases[name] = one


def _report(plan: Plan, progress: Progress, seconds: float) -> Report:
    report = Report(
        plan=plan,
        done=len(progress.total.done),
        unreachable=_unreachable(progress.seen),
        failures=tuple(progress.total.failures),
        skipped=progress.total.skipped,
        left=progress.left,
        interrupted=progress.total.interrupted,
        endings=progress.endings,
        rolled_back=progress.rolled_back,
        seconds=seconds,
    )
    return replace(report, exit_code=exit_code_of(report))


def exit_code_of(report: Report) -> int:
    """The exit code of a run, the worst first."""
    if report.interrupted:
        return INTERRUPTED
    if report.failures or report.left:
        return Unachieved.exit_code
    return HostUnreachable.exit_code if report.unreachable else 0


def _unreachable(seen: Observed) -> dict[str, str]:
    return {name: host.reason for name, host in seen.unreachable().items()}
