"""The same run for ever: hears the hosts' events, looks at what stirred, and makes it so again.

One thread decides, the one that calls ``Watcher.run``; others look at hosts, change them and hear them, and
post what they found. When to look, whom to leave alone and which hosts to give up is decided in ``core``;
a change goes through the same door as ``converge``.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from deploytool.backend.base import Backend
from deploytool.core.watch.backoff import History
from deploytool.core.watch.lost_hosts import Away
from deploytool.core.watch.resync import next_delay
from deploytool.errors import DeploytoolError, LeaseHeld, ManyProblems
from deploytool.model.event import Event, FailureOutcome, Note, Report
from deploytool.model.ingress import EDGE
from deploytool.model.intent import Intent, Project
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from deploytool.model.plan import Plan, ProjectPlan, StepKind
from deploytool.model.release import Lease
from deploytool.plan.policy import PlanPolicy
from deploytool.plan.records import hosts_elsewhere
from deploytool.report.console import event_lines
from deploytool.run.converge import Run, RunOptions
from deploytool.run.lease_owner import is_dead
from deploytool.run.lease_wait import held_by
from deploytool.run.rollback import PinnedRelease, kept
from deploytool.watch.counters import Counters, failures_told, rests_told
from deploytool.watch.host_cache import HostCache, View
from deploytool.watch.next_plan import Limits, NextPlan, next_plan, sentence_of
from deploytool.watch.ownership import Ownership
from deploytool.watch.pinned_release import Before, PinnedReleases
from deploytool.watch.publisher import Publisher
from deploytool.watch.repair_outcome import RepairOutcomes
from deploytool.watch.watch_snapshot import WatchState, picture

MOST_IDLE_S = 2.0  # how often files are compared at least
HELD_RETRY_S = 2.0  # another run has the lease: when to look again


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the files say at one time, and what a person allowed.

    ``fingerprint`` is equal where they said the same; None where nobody can tell.
    """

    intent: Intent
    policy: PlanPolicy
    fingerprint: object = None


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """``resync_s`` is between full looks. ``force_own``: the files here win over somebody else's release."""

    resync_s: float = 60.0
    limits: Limits = Limits()
    force_own: bool = False
    forks: int = 50


class Watcher:
    """Keeps an intent so, until it is told to stop.

    ``start`` runs a function in another thread. ``read`` reads the files anew and ``changed`` says whether
    they are others than they were. ``emit`` is called from the thread of ``run`` only. ``clock`` never goes
    back, ``wall`` is the time of day.
    """

    def __init__(
        self,
        wanted: Wanted,
        backend: Backend,
        lease: Lease,
        emit: Callable[[Event], None],
        start: Callable[[Callable[[], None]], object],
        read: Callable[[], Wanted],
        changed: Callable[[], bool] = lambda: False,
        options: WatchOptions = WatchOptions(),
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.board = Publisher()
        self.options = options
        self._backend, self._lease, self._emit, self._start = backend, lease, emit, start
        self._read, self._changed, self._clock, self._wall = read, changed, clock, wall
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.sight = HostCache(backend, start, self.post, clock, self._saw, self._heard)
        self.history = History()
        self._verdicts = RepairOutcomes()
        self._consent = Ownership(options.force_own)
        self._chronicle = Counters()
        self._repairing: dict[str, tuple[Run, ProjectPlan]] = {}
        self._fallbacks = PinnedReleases()
        self._before: dict[str, Before] = {}
        self._waits: dict[str, str] = {}
        self._left_behind: dict[tuple[str, str], str] = {}
        self._plan = Plan()
        self._problem = ""
        self._wake_s: float | None = None
        self._reload, self._stopping, self._news = False, False, True
        self._begun_s, self._published_s, self._beat_s = wall(), clock(), clock()
        self._adopt(wanted)

    # --- from other threads -----------------------------------------------------------------------------

    def post(self, act: Callable[[], None]) -> None:
        """Let the deciding thread do something soon."""
        self._inbox.put(act)

    def reload(self) -> None:
        """Read the files again. May be called by a signal handler."""
        self.post(self._order_reload)

    def stop(self) -> None:
        """End ``run`` soon. May be called by a signal handler."""
        self.post(self._order_stop)

    def seconds_since_beat(self) -> float:
        """How long ago the deciding thread last came round."""
        return self._clock() - self._beat_s

    def _order_reload(self) -> None:
        self._reload = True

    def _order_stop(self) -> None:
        self._stopping = True

    # --- the loop ---------------------------------------------------------------------------------------

    def run(self) -> None:
        """Watch until ``stop``. Then ``wind_up``."""
        delay_s = 0.0
        self.say(f"watching {len(self.sight.hosts)} hosts")
        while not self._stopping:
            self._wait(delay_s)
            delay_s = self.turn()

    def turn(self) -> float:
        """Take in what was found, begin what is due; returns for how long there is nothing to do."""
        self._beat_s = self._clock()
        while not self._inbox.empty():
            self._wait(0.0)
        self._read_again()
        now_s, resync_s = self._clock(), self.options.resync_s
        self.sight.look(now_s, resync_s)
        if self.sight.ready and (self.sight.moved or (self._wake_s is not None and now_s >= self._wake_s)):
            self._decide(now_s)
        if self._news or now_s >= self._published_s + resync_s:
            self._news, self._published_s = False, now_s
            self._publish(now_s)
        wake_s = self._wake_s if self.sight.ready else None
        return next_delay([*self.sight.dues(resync_s), wake_s], self._clock(), MOST_IDLE_S)

    @property
    def quiet(self) -> bool:
        """Nothing waits to be taken in, and nothing is being changed."""
        return self._inbox.empty() and not self._repairing

    def wind_up(self, seconds: float) -> None:
        """Begin no further step, and wait for those that are under way."""
        self._interrupt()
        end_s = self._clock() + seconds
        while self._repairing and self._clock() < end_s:
            self._wait(end_s - self._clock())
        self._publish(self._clock())
        self.board.close()

    def close(self) -> None:
        """Hear nothing more. A host that does not answer may take its time."""
        self.sight.ears.close()

    def _wait(self, seconds: float) -> None:
        try:
            self._inbox.get(timeout=max(0.0, seconds))()
            self._news = True
        except queue.Empty:
            return

    def _interrupt(self) -> None:
        for run, _ in self._repairing.values():
            run.interrupts.asked = True

    # --- what should be ---------------------------------------------------------------------------------

    def _read_again(self) -> None:
        """Take over what the files say now; where they are broken, what they said last goes on to hold.

        A change that is under way ends first, after the steps that it has begun.
        """
        asked = self._reload
        if not (asked or self._changed()):
            return
        self._reload = bool(self._repairing)
        if self._reload:
            self._interrupt()
            return
        self._chronicle.reloads += 1
        self.sight.moved = self._news = True
        try:
            wanted = self._read()
        except DeploytoolError as error:
            first, more = error.problems[0], len(error.problems) - 1
            self._problem = f"{first.place}: {first.message}" if str(first.place) else first.message
            self._problem += f" (and {more} more)" if more else ""
            self.say(f"the files are not used as they are now: {self._problem}", "warning")
            return
        same = wanted.fingerprint is not None and wanted.fingerprint == self._wanted.fingerprint
        if asked or self._problem or not same:
            self.say(f"files read again{': nothing changed' if same else ''}")
        self._problem = ""
        if same:
            return
        # Whatever failed before, with what is there now it may not: nobody is left alone any more.
        projects = {p.name for files in (self._whole, wanted.intent) for p in files.projects}
        self.history = self.history.without(projects)
        self._verdicts.forget(projects)
        self._adopt(wanted)

    def _adopt(self, wanted: Wanted) -> None:
        self._wanted, self._policy = wanted, wanted.policy
        self._fall_back(PinnedReleases())

    @property
    def _whole(self) -> Intent:
        """What is wanted, with the proxies that the last plan needed."""
        return self._plan.whole(self._intent)

    def _fall_back(self, fallbacks: PinnedReleases) -> None:
        """Want what the files say, but for projects that were taken back to what they were before."""
        self._fallbacks = fallbacks
        self._intent, self._pinned = fallbacks.instead(self._wanted.intent)
        self._follow()

    def _follow(self) -> None:
        """Watch the hosts of the plays, and those that may hold something although they left theirs."""
        intent = self._intent
        hosts = {host.name: host for project in intent.projects for host in project.hosts}
        count = 0
        while count < len(hosts):  # what these remember may lead to others
            count = len(hosts)
            hosts = hosts_elsewhere(intent, self.sight.seen.only(hosts)) | hosts
        self.sight.follow(hosts)

    # --- what is ----------------------------------------------------------------------------------------

    def _saw(self, name: str, before: View | None, seen: ObservedHost | Unreachable) -> None:
        """A host was looked at, or was seen while it was changed."""
        self._chronicle.looks += 1
        silent = self.sight.watches[name].tries > 0
        if isinstance(seen, Unreachable):
            if not silent:
                self.say(f"{name} does not answer: {seen.reason}", "warning", name)
            return
        if before is not None and silent:
            self.say(f"{name} answers again", host=name)
        known, projects = self.history, self._intent.projects
        finishing = {(p.name, s.name) for p in projects for s in p.services if p.finishes(s)}
        last, now_s = before.last if before else None, self._clock()
        self.history = known.looked(name, last, seen, finishing, now_s, self._stopped_by_us())
        for told in failures_told(known, self.history, seen, name, now_s):
            self.say(told, "warning", name)

    def _stopped_by_us(self) -> set[str]:
        """The containers that a change under way stops: that they end is no failure of theirs."""
        steps = (step for _, plan in self._repairing.values() for step in plan.steps)
        return {c.id for step in steps if step.kind is StepKind.STOP for c in step.containers}

    def _heard(self, name: str) -> None:
        self._chronicle.stirred(name)

    # --- deciding ---------------------------------------------------------------------------------------

    def _decide(self, now_s: float) -> None:
        """Plan with all that is known, and begin what has to be done and may be done."""
        self.sight.moved = False
        self._news = True
        fallbacks = self._fallbacks.still(self.sight.seen, now_s)
        if fallbacks is not self._fallbacks:
            self._fall_back(fallbacks)
        self._follow()
        seen, away = self.sight.seen, self.sight.away(now_s)
        found = self._next_plan(seen, away, now_s)
        if self._hold_what_was(found.problems, seen, now_s):
            found = self._next_plan(seen, away, now_s)
        wakes_s = [time_s for time_s in (found.wake_s, self._fallbacks.next_s) if time_s is not None]
        self._wake_s = min(wakes_s, default=None)
        waits = dict(found.waits)
        for plan in found.plan.projects:
            project = _project(self._whole, plan.project)
            behind = any(service.exposure for service in project.services) and EDGE in self._repairing
            if plan.project in self._repairing or behind:
                continue  # what is seen of it, or of the proxies before it, is about to change
            objection = self._objection(project, plan, seen)
            if objection:
                waits[project.name] = objection
            elif plan.steps:
                self._begin_repair(project, plan, seen)
        self._tell_waits({name: f"left alone: {why}" for name, why in waits.items()})
        if not (waits or self._fallbacks or any(plan.steps or plan.rests for plan in found.plan.projects)):
            self._chronicle.last_success_s = self._wall()

    def _next_plan(self, seen: Observed, away: Mapping[str, Away], now_s: float) -> NextPlan:
        policy, limits = self._wanted.policy.pinning(self._pinned), self.options.limits
        known = (seen, away, self.history, now_s, self._plan)
        found = next_plan(self._backend, self._intent, policy, limits, *known)
        self._plan, self._policy = found.plan, found.policy
        return found

    def _objection(self, project: Project, plan: ProjectPlan, seen: Observed) -> str:
        """Why not to touch a project now; empty where it may be touched.

        Giving a lease back makes no event: while another run holds one, its hosts are looked at again. So a
        lease that a dead run left behind is taken over only when that was seen twice, since what was seen
        before it died is not how it ended.
        """
        waits = self._fallbacks.objection(project.name)
        for host, lease in seen.leases(project.name, self._lease.owner).items():
            owner = lease.owner if is_dead(lease) else ""
            if not owner or self._left_behind.get((host, project.name)) != owner:
                self._left_behind[host, project.name] = owner
                self.sight.look_in(host, HELD_RETRY_S)
                waits = waits or f"waiting for {held_by(host, lease)}"
        return waits or self._consent.objection(project, plan, seen, self._backend)

    def _hold_what_was(self, problems: Mapping[str, str], seen: Observed, now_s: float) -> bool:
        """Where a project cannot be planned any more, let what was planned last hold; says if so."""
        fallbacks = self._fallbacks
        for project in self._intent.projects:
            name, now = project.name, (project, self._pinned.get(project.name))
            if name not in problems:
                self._before[name] = now
            elif name not in fallbacks.held and self._before.get(name, now) != now:
                fallbacks = fallbacks.as_before(self._before[name], problems[name], seen, now_s)
        if fallbacks is self._fallbacks:
            return False
        self._fall_back(fallbacks)
        return True

    def _tell_waits(self, waits: Mapping[str, str]) -> None:
        """Say what is new of why projects are not as their files say."""
        told = {**self._fallbacks.sentences, **waits}
        for name, why in sorted(told.items()):
            if self._waits.get(name) != why:
                self.say(f"{name}: {why}", "warning")
        self._waits = told

    # --- changing ---------------------------------------------------------------------------------------

    def _begin_repair(self, project: Project, plan: ProjectPlan, seen: Observed) -> None:
        policy = replace(self._policy, whole_playbook=False)
        intent = replace(self._intent, projects=(project,))
        options = RunOptions(self.options.forks, rounds=1)  # the next plan is made of all that is known then
        run = Run(intent, policy, self._backend, self._lease, self._tell_later, options)
        self._repairing[project.name] = (run, plan)
        self._chronicle.drifted(plan.steps)
        mended = plan.steps if plan.repairs else ()
        services = [(project.name, s.service) for s in mended if s.gate for _ in range(s.count)]
        self.history = self.history.repaired(services, self._clock())
        self._consent.making(plan)
        begun_s = self._clock()

        def work() -> None:
            found: Report | BaseException
            instead = None
            try:
                found, after = run.carry_out(Plan((plan,)), seen)
                instead = run.kept.get(project.name)
                begun = plan.repairs or found.endings.get(project.name) is not FailureOutcome.UNCHANGED
                if not begun and project.name != EDGE:  # which is made anew from the plays that need it
                    instead = kept(intent, project, after, self._backend, self.options.forks)
            except (Exception, KeyboardInterrupt) as error:  # told by the deciding thread, which goes on
                found, after = error, Observed()
            self.post(lambda: self._repaired(project, plan, begun_s, found, after, instead))

        self._start(work)

    def _repaired(
        self,
        project: Project,
        plan: ProjectPlan,
        begun_s: float,
        found: Report | BaseException,
        after: Observed,
        instead: PinnedRelease | None,
    ) -> None:
        """A change has ended: learn from it, and look at what it touched.

        ``instead`` is what to hold from now on where an update failed.
        """
        now_s = self._clock()
        self.sight.changed({step.host for step in plan.steps}, after)
        del self._repairing[project.name]
        before, outcome = self.history, "failed"
        if instead and isinstance(found, Report):
            self._fall_back_to(instead, found, now_s)
        else:
            outcome, self.history = self._verdicts.learn(project, plan, found, before, now_s)
        for told in rests_told(before, self.history, now_s):
            self.say(told, "warning")
        self._chronicle.converged(outcome, now_s - begun_s, self._wall())
        if isinstance(found, LeaseHeld):
            self.sight.look_in(found.host, HELD_RETRY_S)
        elif isinstance(found, ManyProblems):
            self.say(f"{project.name}: {sentence_of(found)}", "warning")
        elif not isinstance(found, (Report, KeyboardInterrupt)):
            self.say(f"{project.name}: this is a bug in deploytool: {found!r}", "error")
        self.sight.moved = True

    def _fall_back_to(self, kept: PinnedRelease, report: Report, now_s: float) -> None:
        """Hold a release where an update failed, as long as that makes sense."""
        name, fallbacks = kept.project.name, self._fallbacks
        if report.endings[name] is FailureOutcome.UNCHANGED:
            fallbacks = fallbacks.put_off(kept, report.failures[0].reason, now_s)
        else:
            fallbacks = fallbacks.taken_back(kept)
            self.history = self.history.without({name})  # what failed is not there any more
            self._verdicts.forget({name})
        self._fall_back(fallbacks)
        self._consent.made(name, kept.release)

    # --- telling ----------------------------------------------------------------------------------------

    def _tell_later(self, event: Event) -> None:
        self.post(lambda: self._tell(event))

    def _tell(self, event: Event) -> None:
        self._emit(event)
        text = next(event_lines(event), "")
        self._chronicle.happened(event, text, self._wall())

    def say(self, message: str, level: str = "info", host: str = "") -> None:
        """Tell a sentence. For the thread of ``run``, or before it begins."""
        self._tell(Note(message, level, host))

    def _publish(self, now_s: float) -> None:
        known = WatchState(
            intent=self._whole,
            hosts=self.sight.hosts,
            seen=self.sight.seen,
            looked_s={name: view.as_of_s for name, view in self.sight.views.items()},
            watches=self.sight.watches,
            heard=self.sight.ears.heard,
            plan=self._plan,
            waits=self._waits,
            history=self.history,
            budget=self.options.limits.restart_budget,
            chronicle=self._chronicle,
            problem=self._problem,
            converging=bool(self._repairing),
            ready=self.sight.ready,
            begun_s=self._begun_s,
            now_s=now_s,
            wall_s=self._wall(),
        )
        self.board.publish(picture(known))


def _project(intent: Intent, name: str) -> Project:
    return next(project for project in intent.projects if project.name == name)
