"""The whole line: look → plan → change → look again, until nothing differs or nothing more can be done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from deploytool.core.guard import unusable
from deploytool.engine.base import Hold
from deploytool.errors import LeaseHeld, Refused
from deploytool.model.event import Event, Finished, Note, Planned, Report
from deploytool.model.inventory import Host
from deploytool.model.observed import Lease, ObservedHost, Unreachable
from deploytool.model.plan import Plan
from deploytool.model.service import Intent, Project, Service
from deploytool.run.execute import Executed, Execution
from deploytool.run.fanout import Engines, look, observe
from deploytool.run.interrupts import Interrupts
from deploytool.run.lease import TTL_S, is_dead
from deploytool.run.planning import Planner, members_elsewhere
from deploytool.run.rollback import past, rolled_back

# Hosts that are lost, or that change under the plan, call for a new plan; not for ever.
MAX_ROUNDS = 4
LOCK_POLL_S = 1.0

Emit = Callable[[Event], None]
Seen = dict[str, ObservedHost | Unreachable]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """``lock_wait_s`` is how long to wait for another run's lease; a manual one is never waited for.

    ``rounds`` is how often to plan anew when hosts are lost or change under the plan.
    """

    forks: int = 20
    lock_wait_s: float = 0.0
    rounds: int = MAX_ROUNDS


@dataclass(slots=True)
class Run:
    """One run over an intent: its hosts, its connections, its lease.

    ``agreed`` raises ``Refused`` for a plan that is not the one that was agreed on: nothing is done then.
    ``seen`` is what the first plan was made from.
    """

    intent: Intent
    planner: Planner
    engines: Engines
    lease: Lease
    emit: Emit
    options: RunOptions = RunOptions()
    confirm: Callable[[Plan, Seen], bool] = lambda plan, seen: True
    agreed: Callable[[Plan, Seen], None] | None = None
    seen: Seen = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    interrupts: Interrupts = field(default_factory=Interrupts)
    _hosts: dict[str, Host] = field(default_factory=dict)

    def observe(self) -> Seen:
        """Look at every host of every play, then at those that hold something although they left theirs."""
        self._hosts = {host.name: host for project in self.intent.projects for host in project.hosts}
        seen = look(self._hosts, self.engines, self.emit, self.options.forks)
        elsewhere = members_elsewhere(self.intent, seen)
        self._hosts |= elsewhere
        return seen | look(elsewhere, self.engines, self.emit, self.options.forks)

    def plan(self) -> tuple[Plan, Seen]:
        """What would change; touches nothing.

        Raises:
            HostsUnusable, NoHost, Refused, InputError.
        """
        seen = self.observe()
        unusable(self._hosts, seen, self.planner.policy.limit)
        plan = self.planner.plan(seen)
        if self.agreed:
            self.agreed(plan, seen)
        self.seen = dict(seen)
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

    def carry_out(self, plan: Plan, seen: Seen, begun: float | None = None) -> tuple[Report, Seen]:
        """Do a plan that was made of ``seen``; returns how it ended, and how the hosts were seen last.

        Raises:
            NoHost, Refused, InputError: from planning again. LeaseHeld.
        """
        begun = self.clock() if begun is None else begun
        self._hosts = {**self.intent.inventory.hosts, **self._hosts}
        total, left = Executed(), plan
        deadline = begun + self.options.lock_wait_s
        for _ in range(self.options.rounds):
            if not left:
                break
            take_from = self._await_lease(left, seen, deadline)
            executed = self._execute(left, seen, take_from)
            _add(total, executed)
            seen = self._look_again(left, seen, executed)
            left = self.planner.plan(seen)
            if self.agreed and (executed.held or executed.changed):
                self.agreed(left, seen)
            if self._is_over(executed):
                break
        went_back: dict[str, int] = {}
        if total.failures and not total.interrupted:
            went_back, left, seen = self._roll_back(left, seen, total)
        report = self._report(plan, left, seen, total, went_back, self.clock() - begun)
        self.emit(Finished(report))
        return report, seen

    def _is_over(self, executed: Executed) -> bool:
        """Whether there is no second try with a new plan: a schedule that was fixed, or a plan that was
        agreed on, knows nothing of a host that was lost since."""
        if executed.failures or executed.interrupted or executed.ok or self.planner.fixed:
            return True
        return self.agreed is not None and executed.held is None

    def _roll_back(self, left: Plan, seen: Seen, total: Executed) -> tuple[dict[str, int], Plan, Seen]:
        """Take the projects whose failed service asks for it back to the release that is on record.

        Once: a rollback that fails stays as it is, and the report says so.
        """
        failed = {(failure.step.project, failure.step.service) for failure in total.failures}
        projects = [
            p for p in self.intent.projects if any((p.name, s.name) in failed for s in _rolls_back(p))
        ]
        pasts = [past(project, seen, self.engines, self.options.forks) for project in projects]
        wanted = [(old, release) for old in pasts if (release := old.recorded)]
        for old in pasts:
            if not old.recorded:
                self.emit(Note(f"{old.project}: there is no release to roll back to", "warning"))
        if not wanted:
            return {}, left, seen
        try:
            intent, fixed = rolled_back(self.intent, wanted)
        except Refused as error:
            self.emit(Note(f"not rolled back: {error.message}", "warning"))
            return {}, left, seen
        for old, release in wanted:
            self.emit(Note(f"{old.project}: rolling back to release {release.number}"))
        # What the failed definition brought along is not in the older one: that is no accident.
        policy = replace(self.planner.policy, guard=replace(self.planner.policy.guard, allow_vanished=True))
        planner = Planner(intent, policy, self.planner.stamp, fixed)
        plan = planner.plan(seen)
        executed = self._execute(plan, seen, "")
        _add(total, executed)
        seen = self._look_again(plan, seen, executed)
        return {old.project: release.number for old, release in wanted}, planner.plan(seen), seen

    def _execute(self, plan: Plan, seen: Seen, take_from: str) -> Executed:
        hold = Hold(self.lease, TTL_S, take_from)
        forks = self.options.forks
        return Execution(plan, seen, self.planner.whole, self.engines, hold, self.emit, forks).run()

    def _await_lease(self, plan: Plan, seen: Seen, deadline: float) -> str:
        """Come back when no other run holds a lease that the plan needs.

        Returns the owner of a lease that may be taken although it has not expired: its run is dead.
        """
        told = ""
        while True:
            found = _held(plan, seen, self.lease.owner)
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
            if lease.manual or self.clock() >= deadline:
                raise LeaseHeld(held_by(host, lease), hint=_way_out(lease), host=host)
            if told != lease.owner:
                self.emit(Note(f"waiting for {held_by(host, lease)}", host=host))
                told = lease.owner
            self.sleep(LOCK_POLL_S)
            seen[host] = observe(self.engines.named(host))

    def _look_again(self, plan: Plan, seen: Seen, executed: Executed) -> Seen:
        """What a step already saw counts; the other hosts that had steps are asked again."""
        touched = {step.host for step in plan.steps} - executed.seen.keys() - executed.lost.keys()
        hosts = {name: self._hosts[name] for name in sorted(touched)}
        again = look(hosts, self.engines, self.emit, self.options.forks)
        lost = {name: Unreachable(reason) for name, reason in executed.lost.items()}
        return {**seen, **executed.seen, **again, **lost}

    def _report(
        self,
        plan: Plan,
        left: Plan,
        seen: Seen,
        total: Executed,
        went_back: dict[str, int],
        seconds: float,
    ) -> Report:
        report = Report(
            plan=plan,
            done=total.done,
            unreachable=_unreachable(seen),
            failures=tuple(total.failures),
            skipped=total.skipped,
            left=left,
            interrupted=total.interrupted,
            rolled_back=went_back,
            seconds=seconds,
        )
        return replace(report, exit_code=exit_code_of(report))


def _rolls_back(project: Project) -> Iterable[Service]:
    return (service for service in project.services if service.update.failure_action == "rollback")


def exit_code_of(report: Report) -> int:
    """The table of exit codes, the worst first."""
    if report.interrupted:
        return 130
    if report.failures or report.left:
        return 5
    return 4 if report.unreachable else 0


def _held(plan: Plan, seen: Seen, owner: str) -> tuple[str, Lease] | None:
    """The first host of the plan on which somebody else's lease still runs."""
    for host_name, project in sorted({(step.host, step.project) for step in plan.steps}):
        lease = held_leases(project, {host_name: seen[host_name]}, owner).get(host_name)
        if lease:
            return host_name, lease
    return None


def held_leases(project: str, seen: Mapping[str, ObservedHost | Unreachable], owner: str) -> dict[str, Lease]:
    """Where leases of a project still run that are not ``owner``'s, by the hosts' own clocks; by host."""
    found = {}
    for host_name, host in sorted(seen.items()):
        folder = host.projects.get(project) if isinstance(host, ObservedHost) else None
        lease = folder.lease if folder else None
        if lease is None or not isinstance(host, ObservedHost) or lease.owner == owner:
            continue
        if lease.manual or lease.expires_s > host.facts.now_s:
            found[host_name] = lease
    return found


def held_by(host: str, lease: Lease) -> str:
    """A sentence about who holds a lease."""
    why = f" ({lease.reason})" if lease.reason else ""
    where = f", {lease.url}" if lease.url else ""
    return f"the lease on {host}, held by {lease.who or 'another run'}{why}{where}"


def _way_out(lease: Lease) -> str:
    if lease.manual:
        return "a person took it by hand: ask, or release it with deploytool lock release"
    return "wait for it with --lock-wait 5m; it expires a minute after the other run ends"


def _unreachable(seen: Seen) -> dict[str, str]:
    return {name: host.reason for name, host in sorted(seen.items()) if isinstance(host, Unreachable)}


def _add(total: Executed, executed: Executed) -> None:
    total.done += executed.done
    total.skipped = executed.skipped
    total.failures += executed.failures
    total.interrupted = total.interrupted or executed.interrupted
