"""The whole line: look → plan → change → look again, until nothing differs or nothing more can be done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deploytool.backend.base import Attempt, LeaseClaim
from deploytool.core.change.guard import unusable
from deploytool.errors import LeaseHeld, ManyProblems, Refused
from deploytool.model.event import Event, FailureOutcome, Finished, Note, Planned, Report
from deploytool.model.intent import Intent, Project
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from deploytool.model.plan import Plan
from deploytool.model.release import Lease, Release
from deploytool.plan.planner import Planner, hosts_elsewhere
from deploytool.run.execute import Executed, Execution
from deploytool.run.failure_outcome import attempts_of, ending_of
from deploytool.run.interrupts import Interrupts
from deploytool.run.lease_owner import TTL_S, is_dead
from deploytool.run.leases import Leases
from deploytool.run.parallel import Engines, look, observe
from deploytool.run.rollback import Past, PinnedRelease, keeping, past, rolled_back

# Hosts that are lost, or that change under the plan, call for a new plan; not for ever.
MAX_ROUNDS = 4
LOCK_POLL_S = 1.0
# Of two runs that met while each took its leases, one gives way; the other one gives it this long.
GIVE_WAY_S = 10.0

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
class _Made:
    """What a run made of its plan: all steps done, what still differs, and what was rolled back to."""

    left: Plan
    seen: Observed
    total: Executed = field(default_factory=Executed)
    endings: dict[str, FailureOutcome] = field(default_factory=dict)
    went_back: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One run over an intent: its hosts, its connections, its lease.

    ``agreed`` raises ``Refused`` for a plan that is not the one that was agreed on: nothing is done then.
    ``seen`` is what the first plan was made from. ``away`` are hosts that are not asked: they are left as
    they are, whatever they would say. ``kept`` are the projects that the run took back after failures.
    """

    intent: Intent
    planner: Planner
    engines: Engines
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
        self._leases = Leases(self.engines, self.claim, self.clock)

    @property
    def claim(self) -> LeaseClaim:
        """The lease as this run takes it."""
        return LeaseClaim(self.lease, TTL_S)

    def answering(self) -> Mapping[str, ObservedHost]:
        """A new look at the hosts of this run that answer."""
        seen = look(self._hosts, self.engines, self.emit, self.options.forks)
        return seen.answered()

    def observe(self) -> Observed:
        """Look at every host of every play, then at those that may hold something though they left theirs."""
        of_plays = (host for project in self.intent.projects for host in project.hosts)
        self._hosts = {host.name: host for host in of_plays if host.name not in self.away}
        seen = look(self._hosts, self.engines, self.emit, self.options.forks).with_hosts(self.away)
        known = self.intent.inventory.hosts
        before = {name: known[name] for name in self.seen if name in known and name not in seen}
        elsewhere = before | hosts_elsewhere(self.intent, seen)
        while elsewhere:  # what these remember may lead to others
            self._hosts |= elsewhere
            seen = seen.with_hosts(look(elsewhere, self.engines, self.emit, self.options.forks))
            elsewhere = hosts_elsewhere(self.intent, seen)
        return seen

    def go_back_to(self, wanted: Sequence[tuple[Past, Release]]) -> None:
        """Want older releases in the place of what the files say; whoever asks for that means what vanishes.

        Raises:
            Refused: a release cannot be had.
        """
        self.away = {name: why for old, _ in wanted for name, why in old.silent.items()}
        self.intent, fixed = rolled_back(self.intent, wanted)
        self.planner.want_as_asked(self.intent, fixed)

    def plan(self) -> tuple[Plan, Observed]:
        """What would change; touches nothing.

        Raises:
            HostsUnusable, NoHost, Refused, InputError.
        """
        seen = self.observe()
        unusable(self._hosts, seen, self.planner.policy.limit)
        plan = self.planner.plan(seen)
        if self.agreed:
            self.agreed(plan, seen)
        self.seen = seen
        self.emit(Planned(plan))
        return plan, seen

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
        made = _Made(plan, seen)
        with self.interrupts.gently():
            try:
                self._make_so(made, begun + self.options.lock_wait_s)
                self._after_failures(made)
            except Exception:
                self._give_back(made, {})
                raise
            self._give_back(made, attempts_of(plan, made.total, made.endings, made.went_back))
        report = self._report(plan, made, self.clock() - begun)
        self.emit(Finished(report))
        return report, made.seen

    def _make_so(self, made: _Made, deadline: float) -> None:
        """Round after round, while hosts are lost or change under the plan."""
        rounds = 0
        while made.left and rounds < self.options.rounds:
            take_from = self._await_lease(made, deadline)
            executed = self._round(made, self.planner, take_from)
            if self.agreed and (executed.held or executed.changed):
                self.agreed(made.left, made.seen)
            if executed.held:
                deadline = self._give_way(made, executed, deadline)
                continue
            rounds += 1
            # A schedule that was fixed, or a plan that was agreed on, knows nothing of a host lost since.
            lost = executed.lost and (self.planner.fixed or self.agreed)
            if executed.failures or executed.interrupted or executed.ok or lost:
                return

    def _round(self, made: _Made, planner: Planner, take_from: str = "") -> Executed:
        """Do what is left, look at what came of it, and see what is left now."""
        self._leases.claim = replace(self.claim, take_from=take_from)
        plan, seen = made.left, made.seen
        how = (self.emit, self.options.forks, self.interrupts, self.clock)
        executed = Execution(plan, seen, planner.whole, self.engines, self._leases, *how).run()
        _add(made.total, executed)
        made.seen = self._look_again(plan, seen, executed)
        try:
            made.left = planner.plan(made.seen, midway=bool(made.total.touched))
        except ManyProblems as error:
            if not (made.total.failures or made.total.interrupted):
                raise
            for problem in error.problems:  # what failed is the news, and is still to be taken back
                self.emit(Note(f"what is left cannot be planned: {problem.message}", "warning"))
            made.left = plan.without(executed.done)
        return executed

    # --- after a failure --------------------------------------------------------------------------------

    def _after_failures(self, made: _Made) -> None:
        """Say of each project how it ended, once those that ask for it were taken back."""
        total = made.total
        repaired = {plan.project for plan in made.left.projects if plan.repairs}
        for project in self.planner.whole.projects:
            ending = ending_of(project, total)
            if ending is FailureOutcome.NOT_ROLLED_BACK and project.name in repaired:
                ending = (
                    FailureOutcome.PAUSED
                )  # to go back to the release that is being repaired would be the same
            if ending:
                made.endings[project.name] = ending
        back = [p for p in self.intent.projects if made.endings.get(p.name) is FailureOutcome.NOT_ROLLED_BACK]
        if back and not total.interrupted:
            self._roll_back(made, back)

    def _roll_back(self, made: _Made, projects: Sequence[Project]) -> None:
        """Take projects back to the release that is on record, all of each.

        Once: a rollback that fails stays as it is, and the report says so.
        """
        wanted = []
        for old in (past(project, made.seen, self.engines, self.options.forks) for project in projects):
            made.seen = made.seen.with_hosts(old.silent)
            if old.recorded:
                wanted.append((old, old.recorded))
            else:
                self.emit(Note(f"{old.project}: there is no release to roll back to", "warning"))
        if not wanted:
            return
        try:
            kept = self._go_back(made, wanted)
        except Refused as error:
            self.emit(Note(f"not rolled back: {error.message}", "warning"))
        else:
            self._tell_rollback(made, kept)

    def _go_back(self, made: _Made, wanted: Sequence[tuple[Past, Release]]) -> list[PinnedRelease]:
        """Do the rollback; what waited for a host that is lost on the way is done in another round.

        Returns what is wanted now.

        Raises:
            Refused: a release cannot be had, or a guard objects.
        """
        intent, fixed = rolled_back(self.intent, wanted)
        for old, release in wanted:
            self.emit(Note(f"{old.project}: rolling back to release {release.number}"))
        for _ in range(self.options.rounds):
            planner = Planner(intent, self.planner.policy, self.planner.stamp, fixed)
            made.left = planner.plan(made.seen, midway=True)
            executed = self._round(made, planner)
            stopped = executed.failures or executed.interrupted or executed.held
            if stopped or not (made.left and executed.lost):
                break
            lost = {name: Unreachable(why) for name, why in executed.lost.items()}
            wanted = [(replace(old, silent={**old.silent, **lost}), release) for old, release in wanted]
            intent, fixed = rolled_back(self.intent, wanted)
        pairs = zip(intent.projects, wanted, strict=True)
        return [keeping(project, old, release, made.seen) for project, (old, release) in pairs]

    def _tell_rollback(self, made: _Made, kept: Sequence[PinnedRelease]) -> None:
        differs = {project.project for project in made.left.projects if project.steps}
        for one in kept:
            name = one.project.name
            made.went_back[name] = one.number
            made.endings[name] = (
                FailureOutcome.ROLLBACK_FAILED if name in differs else FailureOutcome.ROLLED_BACK
            )
            if name not in differs:
                self.kept[name] = one

    # --- leases -----------------------------------------------------------------------------------------

    def _await_lease(self, made: _Made, deadline: float) -> str:
        """Come back when no other run holds a lease that the plan needs; after a wait with a new plan.

        Returns the owner of a lease that may be taken although it has not expired: its run is dead.
        """
        told = ""
        while True:
            found = _held(made.left, made.seen, self.lease.owner)
            if found is None:
                return ""
            host, lease = found
            if is_dead(lease):
                self.emit(
                    Note(f"{lease.who} left a lease behind on {host} and is gone: taking over", host=host)
                )
                return lease.owner
            if lease.yields and not self.lease.yields:
                self.emit(Note(f"taking over from {lease.who} ({lease.reason}) on {host}", host=host))
                return lease.owner
            self._give_back(made, {})
            if lease.manual or self.clock() >= deadline:
                raise LeaseHeld(held_by(host, lease), hint=_way_out(lease), host=host)
            if self.interrupts.asked:
                raise KeyboardInterrupt
            if told != lease.owner:
                self.emit(Note(f"waiting for {held_by(host, lease)}", host=host))
                told = lease.owner
            self.sleep(LOCK_POLL_S)
            now = made.seen.with_hosts({host: observe(self.engines.named(host))})
            still = _held(made.left, now, self.lease.owner)
            if still is None or (still[0], still[1].owner) != (host, lease.owner):
                self._look_anew(made)

    def _look_anew(self, made: _Made) -> None:
        """What another run did meanwhile is not in the plan: make it anew."""
        hosts = {name: self._hosts[name] for name in made.seen if name not in self.away}
        made.seen = look(hosts, self.engines, self.emit, self.options.forks).with_hosts(self.away)
        made.left = self.planner.plan(made.seen)
        if self.agreed:
            self.agreed(made.left, made.seen)

    def _give_way(self, made: _Made, executed: Executed, deadline: float) -> float:
        """Let only one of two runs give up that met while each took its leases; returns the new deadline.

        Both know both owners, so both know which one that is.
        """
        self._give_back(made, {})
        host, lease = executed.held or ("", self.lease)
        if executed.touched or lease.manual or not lease.owner:
            return deadline
        if self.lease.owner < lease.owner and not self.lease.yields:
            return max(deadline, self.clock() + GIVE_WAY_S)
        if self.lease.yields or self.clock() >= deadline:
            raise LeaseHeld(held_by(host, lease), hint=_way_out(lease), host=host)
        self.sleep(3 * LOCK_POLL_S)  # the other one first
        self._look_anew(made)
        return deadline

    def _give_back(self, made: _Made, attempts: dict[str, tuple[Attempt, frozenset[str]]]) -> None:
        """Give back every lease that no ``RECORD`` gave back, with how it ended."""
        on_record = {
            (host, project): attempt
            for project, (attempt, hosts) in attempts.items()
            for host in hosts
            if host in made.seen.answered()
        }
        failed = self._leases.give_back(set(made.seen.unreachable()), on_record, self.options.forks)
        for (host, project), why in failed.items():
            self.emit(Note(f"{host}: {project}: the lease was not given back: {why}", "warning", host))

    # --- the end ----------------------------------------------------------------------------------------

    def _look_again(self, plan: Plan, seen: Observed, executed: Executed) -> Observed:
        """What a step already saw counts; the other hosts that had steps are asked again."""
        touched = {step.host for step in plan.steps} - executed.seen.keys() - executed.lost.keys()
        hosts = {name: self._hosts[name] for name in sorted(touched)}
        again = look(hosts, self.engines, self.emit, self.options.forks)
        lost = {name: Unreachable(reason) for name, reason in executed.lost.items()}
        return seen.with_hosts({**executed.seen, **again, **lost})

    def _report(self, plan: Plan, made: _Made, seconds: float) -> Report:
        report = Report(
            plan=plan,
            done=len(made.total.done),
            unreachable=_unreachable(made.seen),
            failures=tuple(made.total.failures),
            skipped=made.total.skipped,
            left=made.left,
            interrupted=made.total.interrupted,
            endings=made.endings,
            rolled_back=made.went_back,
            seconds=seconds,
        )
        return replace(report, exit_code=exit_code_of(report))


def exit_code_of(report: Report) -> int:
    """The table of exit codes, the worst first."""
    if report.interrupted:
        return 130
    if report.failures or report.left:
        return 5
    return 4 if report.unreachable else 0


def _held(plan: Plan, seen: Observed, owner: str) -> tuple[str, Lease] | None:
    """The first host of the plan on which somebody else's lease still runs."""
    for host_name, project in sorted({(step.host, step.project) for step in plan.steps}):
        lease = seen.leases(project, owner).get(host_name)
        if lease:
            return host_name, lease
    return None


def held_by(host: str, lease: Lease) -> str:
    """A sentence about who holds a lease."""
    why = f" ({lease.reason})" if lease.reason else ""
    where = f", {lease.url}" if lease.url else ""
    return f"the lease on {host}, held by {lease.who or 'another run'}{why}{where}"


def _way_out(lease: Lease) -> str:
    if lease.manual:
        return "a person took it by hand: ask, or release it with deploytool lock release"
    return "wait for it with --lock-wait 5m; it expires a minute after the other run ends"


def _unreachable(seen: Observed) -> dict[str, str]:
    return {name: host.reason for name, host in seen.unreachable().items()}


def _add(total: Executed, executed: Executed) -> None:
    total.done += executed.done
    total.skipped = executed.skipped
    total.failures += executed.failures
    total.touched |= executed.touched
    total.paused |= executed.paused
    total.beyond |= executed.beyond
    total.interrupted = total.interrupted or executed.interrupted
