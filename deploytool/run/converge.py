"""One run over an intent: look → plan → change → look again, until nothing differs or can be done."""

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
from deploytool.run.failure_outcome import attempts_of, ending_of
from deploytool.run.interrupts import Interrupts
from deploytool.run.lease_owner import TTL_S
from deploytool.run.lease_wait import LeaseWait
from deploytool.run.leases import Leases
from deploytool.run.rollback import Past, PinnedRelease, keeping, past, rolled_back

# Hosts that are lost, or that change under the plan, call for a new plan; not for ever.
MAX_ROUNDS = 4

Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """``lock_wait_s`` is how long to wait for another run's lease; a manual one is never waited for.

    ``rounds`` is how often to plan anew when hosts are lost or change under the plan.
    """

    forks: int = 20
    lock_wait_s: float = 0.0
    rounds: int = MAX_ROUNDS


@dataclass(slots=True)
class Progress:
    """A plan while it is carried out.

    ``left``: what still differs. ``seen``: the hosts as they were seen last. ``total``: all steps so far.
    ``endings`` and ``went_back``: by project, how it ended in which something failed, and the number of the
    release that it was taken back to.
    """

    left: Plan
    seen: Observed
    total: Executed = field(default_factory=Executed)
    endings: dict[str, FailureOutcome] = field(default_factory=dict)
    went_back: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One run over an intent: its hosts, its backend, its lease.

    ``agreed`` raises ``Refused`` for a plan that is not the one that was agreed on: nothing is done then.
    ``seen`` is what the first plan was made from. ``away`` are hosts that are not asked: they are left as
    they are, whatever they would say. ``kept`` are the projects that the run took back after failures.
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
    kept: dict[str, PinnedRelease] = field(default_factory=dict)
    _hosts: dict[str, Host] = field(default_factory=dict)
    _leases: Leases = field(init=False)

    def __post_init__(self) -> None:
        self._leases = Leases(self.backend, self.claim, self.clock)

    @property
    def claim(self) -> LeaseClaim:
        """The lease as this run takes it."""
        return LeaseClaim(self.lease, TTL_S)

    # --- looking and planning ---------------------------------------------------------------------------

    def answering(self) -> Mapping[str, ObservedHost]:
        """A new look at the hosts of this run that answer."""
        return self._look(self._hosts).answered()

    def observe(self) -> Observed:
        """Look at every host of every play, then at those that may hold something though they left theirs."""
        of_plays = (host for project in self.intent.projects for host in project.hosts)
        self._hosts = {host.name: host for host in of_plays if host.name not in self.away}
        seen = self._look(self._hosts).with_hosts(self.away)
        known = self.intent.inventory.hosts
        before = {name: known[name] for name in self.seen if name in known and name not in seen}
        elsewhere = before | hosts_elsewhere(self.intent, seen)
        while elsewhere:  # what these remember may lead to others
            self._hosts |= elsewhere
            seen = seen.with_hosts(self._look(elsewhere))
            elsewhere = hosts_elsewhere(self.intent, seen)
        return seen

    def go_back_to(self, wanted: Sequence[tuple[Past, Release]]) -> None:
        """Want older releases in the place of what the files say; that projects vanish is meant then.

        Raises:
            Refused: a release cannot be had.
        """
        self.away = {name: why for old, _ in wanted for name, why in old.silent.items()}
        self.intent, schedules = rolled_back(self.intent, wanted)
        self.policy = self.policy.pinning(schedules).as_asked()

    def plan(self) -> tuple[Plan, Observed]:
        """The plan, and the hosts that it was made from; touches nothing.

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
        """Make it so. The report says what was done, what was not, and what still differs.

        Raises:
            HostsUnusable, NoHost, Refused, InputError: before anything is touched. LeaseHeld.
        """
        begun = self.clock()
        plan, seen = self.plan()
        if plan and not self.confirm(plan, seen):
            return Report(plan, unreachable=_unreachable(seen), left=plan, seconds=self.clock() - begun)
        return self.carry_out(plan, seen, begun)[0]

    def carry_out(self, plan: Plan, seen: Observed, begun: float | None = None) -> tuple[Report, Observed]:
        """Do a plan that was made of ``seen``; returns how it ended, and how the hosts were seen last.

        Raises:
            NoHost, Refused, InputError: from planning again. LeaseHeld.
        """
        begun = self.clock() if begun is None else begun
        self._hosts = {**self.intent.inventory.hosts, **self._hosts}
        progress = Progress(plan, seen)
        with self.interrupts.gently():
            try:
                self._make_so(progress, begun + self.options.lock_wait_s)
                self._after_failures(progress)
            except Exception:
                self._give_back(progress, {})
                raise
            attempts = attempts_of(plan, progress.total, progress.endings, progress.went_back)
            self._give_back(progress, attempts)
        report = _report(plan, progress, self.clock() - begun)
        self.emit(Finished(report))
        return report, progress.seen

    def _make_so(self, progress: Progress, deadline: float) -> None:
        """Round after round, while hosts are lost or change under the plan."""
        wait = LeaseWait(self.lease, self.emit, self.interrupts, deadline, self.clock, self.sleep)
        rounds = 0
        while progress.left and rounds < self.options.rounds:
            take_from = self._await_leases(progress, wait)
            executed = self._round(progress, self.intent, self.policy, take_from)
            if self.agreed and (executed.held or executed.changed):
                self.agreed(progress.left, progress.seen)
            if executed.held:
                self._give_back(progress, {})
                if wait.give_way(*executed.held, touched=bool(executed.touched)):
                    self._look_anew(progress)
                continue
            rounds += 1
            # A schedule that was pinned, or a plan that was agreed on, knows nothing of a host lost since.
            lost = executed.lost and (self.policy.pinned or self.agreed)
            if executed.failures or executed.interrupted or executed.ok or lost:
                return

    def _round(self, progress: Progress, intent: Intent, policy: PlanPolicy, take_from: str = "") -> Executed:
        """Do what is left, look at what came of it, and plan what is left then of ``intent``."""
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
            for problem in error.problems:  # what failed is the news, and is still to be taken back
                self.emit(Note(f"what is left cannot be planned: {problem.message}", Level.WARNING))
            progress.left = plan.without(executed.done)
        return executed

    def _look_again(self, plan: Plan, seen: Observed, executed: Executed) -> Observed:
        """The hosts after a round: those that no step looked at in the end are asked again."""
        touched = {step.host for step in plan.steps} - executed.seen.keys() - executed.lost.keys()
        again = self._look({name: self._hosts[name] for name in sorted(touched)})
        lost = {name: Unreachable(reason) for name, reason in executed.lost.items()}
        return seen.with_hosts({**executed.seen, **again, **lost})

    # --- leases -----------------------------------------------------------------------------------------

    def _await_leases(self, progress: Progress, wait: LeaseWait) -> str:
        """Wait until no other run holds a lease that the plan needs; after a wait with a new plan.

        Returns the owner of a lease that may be taken although it has not expired: its run is dead.
        """
        while found := wait.held(progress.left, progress.seen):
            host, lease = found
            if wait.may_take(host, lease):
                return lease.owner
            self._give_back(progress, {})
            wait.poll(host, lease)
            now = progress.seen.with_hosts(self.backend.observe({host: self._hosts[host]}))
            still = wait.held(progress.left, now)
            if still is None or (still[0], still[1].owner) != (host, lease.owner):
                self._look_anew(progress)
        return ""

    def _look_anew(self, progress: Progress) -> None:
        """What another run did meanwhile is not in the plan: make it anew."""
        hosts = {name: self._hosts[name] for name in progress.seen if name not in self.away}
        progress.seen = self._look(hosts).with_hosts(self.away)
        progress.left = self._plan(self.intent, progress.seen, self.policy)
        if self.agreed:
            self.agreed(progress.left, progress.seen)

    def _give_back(self, progress: Progress, attempts: Mapping[str, tuple[Attempt, frozenset[str]]]) -> None:
        """Give back every lease that no ``RECORD`` gave back, with how it ended."""
        on_record = {
            (host, project): attempt
            for project, (attempt, hosts) in attempts.items()
            for host in hosts
            if host in progress.seen.answered()
        }
        away = set(progress.seen.unreachable())
        failed = self._leases.give_back(away, on_record, self.options.forks)
        for (host, project), why in failed.items():
            self.emit(Note(f"{host}: {project}: the lease was not given back: {why}", Level.WARNING, host))

    # --- after a failure --------------------------------------------------------------------------------

    def _after_failures(self, progress: Progress) -> None:
        """Decide for each project how it ended, and take back those whose policy says so."""
        total = progress.total
        repaired = {plan.project for plan in progress.left.projects if plan.repairs}
        for project in progress.left.whole(self.intent).projects:
            ending = ending_of(project, total)
            if ending is FailureOutcome.NOT_ROLLED_BACK and project.name in repaired:
                # To go back to the release that is being repaired would be the same.
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
        """Take projects back to the release that is on record, all of each.

        Once: a rollback that fails stays as it is, and the report says so.
        """
        wanted = []
        for project in projects:
            old = past(project, progress.seen, self.backend, self.options.forks)
            progress.seen = progress.seen.with_hosts(old.silent)
            if old.recorded:
                wanted.append((old, old.recorded))
            else:
                self.emit(Note(f"{old.project}: there is no release to roll back to", Level.WARNING))
        if not wanted:
            return
        try:
            kept = self._go_back(progress, wanted)
        except Refused as error:
            self.emit(Note(f"not rolled back: {error.message}", Level.WARNING))
        else:
            self._tell_rollback(progress, kept)

    def _go_back(self, progress: Progress, wanted: Sequence[tuple[Past, Release]]) -> list[PinnedRelease]:
        """Do the rollback; what waited for a host that is lost on the way is done in another round.

        Returns what is wanted now.

        Raises:
            Refused: a release cannot be had, or a guard objects.
        """
        intent, schedules = rolled_back(self.intent, wanted)
        for old, release in wanted:
            self.emit(Note(f"{old.project}: rolling back to release {release.number}"))
        for _ in range(self.options.rounds):
            policy = self.policy.pinning(schedules).midway()
            progress.left = self._plan(intent, progress.seen, policy)
            executed = self._round(progress, intent, policy)
            stopped = executed.failures or executed.interrupted or executed.held
            if stopped or not (progress.left and executed.lost):
                break
            lost = {name: Unreachable(why) for name, why in executed.lost.items()}
            wanted = [(replace(old, silent={**old.silent, **lost}), release) for old, release in wanted]
            intent, schedules = rolled_back(self.intent, wanted)
        pairs = zip(intent.projects, wanted, strict=True)
        return [keeping(project, old, release, progress.seen) for project, (old, release) in pairs]

    def _tell_rollback(self, progress: Progress, kept: Sequence[PinnedRelease]) -> None:
        differs = {project.project for project in progress.left.projects if project.steps}
        for one in kept:
            name = one.project.name
            progress.went_back[name] = one.number
            if name in differs:
                progress.endings[name] = FailureOutcome.ROLLBACK_FAILED
            else:
                progress.endings[name] = FailureOutcome.ROLLED_BACK
                self.kept[name] = one


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
        rolled_back=progress.went_back,
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
