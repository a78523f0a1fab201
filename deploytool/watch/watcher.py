"""Continuous reconciliation: re-observe the hosts that changed, repair drift.

One thread decides, the one that calls ``Watcher.run``. Others look at hosts, change them and follow their
events, and post their results to it. ``core.watch`` decides when to look, what backs off and which hosts are
given up; a repair is a run as that of ``converge``.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploytool.backend.base import Backend
from deploytool.core.watch.backoff import History
from deploytool.core.watch.lost_hosts import Away
from deploytool.core.watch.resync import next_delay
from deploytool.errors import DeploytoolError, LeaseHeld, ManyProblems
from deploytool.model.event import Event, FailureOutcome, Level, Note, Report
from deploytool.model.intent import Intent, Project
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from deploytool.model.plan import Plan, ProjectPlan
from deploytool.model.release import Lease
from deploytool.plan.policy import PlanPolicy
from deploytool.plan.records import hosts_elsewhere
from deploytool.report.console import event_lines
from deploytool.run.lease_owner import is_dead
from deploytool.run.lease_wait import held_by
from deploytool.run.rollback import PinnedRelease
from deploytool.watch.counters import Counters, failures_told, rests_told
from deploytool.watch.host_cache import HostCache, View
from deploytool.watch.next_plan import Limits, NextPlan, next_plan, sentence_of
from deploytool.watch.ownership import Ownership
from deploytool.watch.pinned_release import Before, PinnedReleases
from deploytool.watch.publisher import Publisher
from deploytool.watch.repair_outcome import RepairOutcomes
from deploytool.watch.repairs import Repaired, Repairs
from deploytool.watch.watch_snapshot import WatchState, snapshot_of

MOST_IDLE_S = 2.0  # how often files are compared at least
HELD_RETRY_S = 2.0  # another run has the lease: when to look again


@dataclass(frozen=True, slots=True)
class Wanted:
    """The intent of the files at one time, and the policy of the options.

    Equal fingerprints mean equal files; None: unknown.
    """

    intent: Intent
    policy: PlanPolicy
    fingerprint: object = None


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """``resync_s``: seconds between looks at all hosts. ``force_own``: replace releases of other files."""

    resync_s: float = 60.0
    limits: Limits = Limits()
    force_own: bool = False
    forks: int = 50


class Watcher:
    """Keeps the hosts as an intent says, until it is stopped.

    ``start`` runs a function in another thread. ``read`` reads the files again, ``changed`` is true if they
    have changed since. ``emit`` is called from the thread of ``run`` only. ``clock`` is
    monotonic, ``wall`` the time of day, both in seconds.
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
        self.publisher = Publisher()
        self.options = options
        self._backend, self._lease, self._emit, self._start = backend, lease, emit, start
        self._read, self._changed, self._clock, self._wall = read, changed, clock, wall
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.host_cache = HostCache(backend, start, self.post, clock, self._looked, self._event_received)
        self.history = History()
        self._repair_outcomes = RepairOutcomes()
        self._ownership = Ownership(options.force_own)
        self._counters = Counters()
        self._repairs = Repairs(backend, lease, options.forks, start, self._emit_later, self._repair_ended)
        self._pinned_releases = PinnedReleases()
        self._before: dict[str, Before] = {}
        self._waits: dict[str, str] = {}
        self._left_behind: dict[tuple[str, str], str] = {}
        self._plan = Plan()
        self._problem = ""
        self._wake_s: float | None = None
        self._reload, self._stopping, self._news = False, False, True
        self._started_s, self._published_s, self._last_turn_s = wall(), clock(), clock()
        self._adopt(wanted)

    # --- from other threads -----------------------------------------------------------------------------

    def post(self, act: Callable[[], None]) -> None:
        """Have the deciding thread call a function soon."""
        self._inbox.put(act)

    def reload(self) -> None:
        """Read the files again. May be called by a signal handler."""
        self.post(self._request_reload)

    def stop(self) -> None:
        """End ``run`` soon. May be called by a signal handler."""
        self.post(self._request_stop)

    def seconds_since_turn(self) -> float:
        """Seconds since the last turn of the deciding thread began."""
        return self._clock() - self._last_turn_s

    def _request_reload(self) -> None:
        self._reload = True

    def _request_stop(self) -> None:
        self._stopping = True

    # --- the loop ---------------------------------------------------------------------------------------

    def run(self) -> None:
        """Watch until ``stop``; to be followed by ``finish``."""
        delay_s = 0.0
        self.say(f"watching {len(self.host_cache.hosts)} hosts")
        while not self._stopping:
            self._wait(delay_s)
            delay_s = self.turn()

    def turn(self) -> float:
        """Handle the posted results and start what is due; returns the seconds until there is more to do."""
        self._last_turn_s = self._clock()
        while not self._inbox.empty():
            self._wait(0.0)
        self._read_again()
        now_s, resync_s = self._clock(), self.options.resync_s
        self.host_cache.look(now_s, resync_s)
        if self.host_cache.ready and (
            self.host_cache.moved or (self._wake_s is not None and now_s >= self._wake_s)
        ):
            self._decide(now_s)
        if self._news or now_s >= self._published_s + resync_s:
            self._news, self._published_s = False, now_s
            self._publish(now_s)
        wake_s = self._wake_s if self.host_cache.ready else None
        return next_delay([*self.host_cache.dues(resync_s), wake_s], self._clock(), MOST_IDLE_S)

    @property
    def quiet(self) -> bool:
        """True if no result is waiting, and no host is being changed."""
        return self._inbox.empty() and not self._repairs

    def finish(self, seconds: float) -> None:
        """Start no further step, and wait up to ``seconds`` for those that are running."""
        self._repairs.interrupt()
        end_s = self._clock() + seconds
        while self._repairs and self._clock() < end_s:
            self._wait(end_s - self._clock())
        self._publish(self._clock())
        self.publisher.close()

    def close(self) -> None:
        """Close the feeds of events, which may take long where a host does not answer."""
        self.host_cache.events.close()

    def _wait(self, seconds: float) -> None:
        try:
            self._inbox.get(timeout=max(0.0, seconds))()
            self._news = True
        except queue.Empty:
            return

    # --- the files --------------------------------------------------------------------------------------

    def _read_again(self) -> None:
        """Adopt changed files; where they have errors, the last valid ones stay in force.

        A change that is running ends first, after the steps that it has started.
        """
        asked = self._reload
        if not (asked or self._changed()):
            return
        self._reload = bool(self._repairs)
        if self._reload:
            self._repairs.interrupt()
            return
        self._counters.reloads += 1
        self.host_cache.moved = self._news = True
        try:
            wanted = self._read()
        except DeploytoolError as error:
            first, more = error.problems[0], len(error.problems) - 1
            self._problem = f"{first.place}: {first.message}" if str(first.place) else first.message
            self._problem += f" (and {more} more)" if more else ""
            self.say(f"the files are not used as they are now: {self._problem}", Level.WARNING)
            return
        same = wanted.fingerprint is not None and wanted.fingerprint == self._wanted.fingerprint
        if asked or self._problem or not same:
            self.say(f"files read again{': nothing changed' if same else ''}")
        self._problem = ""
        if same:
            return
        # With the new files it may not fail any more: all back-off ends.
        projects = {p.name for files in (self._whole, wanted.intent) for p in files.projects}
        self.history = self.history.without(projects)
        self._repair_outcomes.forget(projects)
        self._adopt(wanted)

    def _adopt(self, wanted: Wanted) -> None:
        self._wanted, self._policy = wanted, wanted.policy
        self._pin(PinnedReleases())

    @property
    def _whole(self) -> Intent:
        """The intent with the proxies that the last plan needed."""
        return self._plan.whole(self._intent)

    def _pin(self, pinned: PinnedReleases) -> None:
        """Set the intent to that of the files, with the pinned releases in place of their projects."""
        self._pinned_releases = pinned
        self._intent, self._pinned_schedules = pinned.instead(self._wanted.intent)
        self._follow()

    def _follow(self) -> None:
        """Watch the hosts of the plays, and those that left a play and may still have something of it."""
        intent = self._intent
        hosts = {host.name: host for project in intent.projects for host in project.hosts}
        count = 0
        while count < len(hosts):  # the records of these may name further ones
            count = len(hosts)
            hosts = hosts_elsewhere(intent, self.host_cache.seen.only(hosts)) | hosts
        self.host_cache.follow(hosts)

    # --- the hosts --------------------------------------------------------------------------------------

    def _looked(self, name: str, before: View | None, seen: ObservedHost | Unreachable) -> None:
        """Take the result of a look at a host, or of a change there."""
        self._counters.looks += 1
        silent = self.host_cache.watches[name].tries > 0
        if isinstance(seen, Unreachable):
            if not silent:
                self.say(f"{name} does not answer: {seen.reason}", Level.WARNING, name)
            return
        if before is not None and silent:
            self.say(f"{name} answers again", host=name)
        known, projects = self.history, self._intent.projects
        finishing = {(p.name, s.name) for p in projects for s in p.services if p.finishes(s)}
        last, now_s = before.last if before else None, self._clock()
        self.history = known.looked(name, last, seen, finishing, now_s, self._repairs.stopping())
        for told in failures_told(known, self.history, seen, name, now_s):
            self.say(told, Level.WARNING, name)

    def _event_received(self, name: str) -> None:
        self._counters.stirred(name)

    # --- deciding ---------------------------------------------------------------------------------------

    def _decide(self, now_s: float) -> None:
        """Plan from the known state, and start the repairs that are needed and allowed."""
        self.host_cache.moved = False
        self._news = True
        pinned = self._pinned_releases.still(self.host_cache.seen, now_s)
        if pinned is not self._pinned_releases:
            self._pin(pinned)
        self._follow()
        seen, away = self.host_cache.seen, self.host_cache.away(now_s)
        found = self._next_plan(seen, away, now_s)
        if self._pin_unplannable(found.problems, seen, now_s):
            found = self._next_plan(seen, away, now_s)
        wakes_s = [time_s for time_s in (found.wake_s, self._pinned_releases.next_s) if time_s is not None]
        self._wake_s = min(wakes_s, default=None)
        waits = dict(found.waits)
        for plan in found.plan.projects:
            project = _project(self._whole, plan.project)
            behind = any(service.exposure for service in project.services) and self._repairs.changes_proxies()
            if plan.project in self._repairs or behind:
                continue  # the state of it, or of its proxies, is about to change
            objection = self._objection(project, plan, seen)
            if objection:
                waits[project.name] = objection
            elif plan.steps:
                self._begin_repair(project, plan, seen)
        self._report_waits({name: f"left alone: {why}" for name, why in waits.items()})
        if not (
            waits
            or self._pinned_releases
            or any(plan.steps or plan.backing_off for plan in found.plan.projects)
        ):
            self._counters.last_success_s = self._wall()

    def _next_plan(self, seen: Observed, away: Mapping[str, Away], now_s: float) -> NextPlan:
        policy, limits = self._wanted.policy.pinning(self._pinned_schedules), self.options.limits
        known = (seen, away, self.history, now_s, self._plan)
        found = next_plan(self._backend, self._intent, policy, limits, *known)
        self._plan, self._policy = found.plan, found.policy
        return found

    def _objection(self, project: Project, plan: ProjectPlan, seen: Observed) -> str:
        """The reason for which a project must not be changed now; empty where it may be.

        The release of a lease makes no event: while another run has one, its hosts are looked at again. The
        lease of a dead run is taken over only after a second look, since the first one may show a state from
        before the run died.
        """
        waits = self._pinned_releases.objection(project.name)
        for host, lease in seen.leases(project.name, self._lease.owner).items():
            owner = lease.owner if is_dead(lease) else ""
            if not owner or self._left_behind.get((host, project.name)) != owner:
                self._left_behind[host, project.name] = owner
                self.host_cache.look_in(host, HELD_RETRY_S)
                waits = waits or f"waiting for {held_by(host, lease)}"
        return waits or self._ownership.objection(project, plan, seen, self._backend)

    def _pin_unplannable(self, problems: Mapping[str, str], seen: Observed, now_s: float) -> bool:
        """Pin the projects that can no longer be planned as they were last planned; true if there are any."""
        pinned = self._pinned_releases
        for project in self._intent.projects:
            name, now = project.name, (project, self._pinned_schedules.get(project.name))
            if name not in problems:
                self._before[name] = now
            elif name not in pinned.held and self._before.get(name, now) != now:
                pinned = pinned.as_before(self._before[name], problems[name], seen, now_s)
        if pinned is self._pinned_releases:
            return False
        self._pin(pinned)
        return True

    def _report_waits(self, waits: Mapping[str, str]) -> None:
        """Report each new reason for which a project is not as its files say."""
        told = {**self._pinned_releases.sentences, **waits}
        for name, why in sorted(told.items()):
            if self._waits.get(name) != why:
                self.say(f"{name}: {why}", Level.WARNING)
        self._waits = told

    # --- changing ---------------------------------------------------------------------------------------

    def _begin_repair(self, project: Project, plan: ProjectPlan, seen: Observed) -> None:
        now_s = self._clock()
        self._counters.drifted(plan.steps)
        mended = plan.steps if plan.repairs else ()
        services = [(project.name, s.service) for s in mended if s.gate for _ in range(s.count)]
        self.history = self.history.repaired(services, now_s)
        self._ownership.making(plan)
        self._repairs.begin(project, plan, seen, self._intent, self._policy, now_s)

    def _repair_ended(self, repaired: Repaired) -> None:
        self.post(lambda: self._take_in(repaired))

    def _take_in(self, repaired: Repaired) -> None:
        """Judge a repair that has ended, and look at the hosts that it changed."""
        project, found, now_s = repaired.project, repaired.found, self._clock()
        self.host_cache.changed({step.host for step in repaired.plan.steps}, repaired.after)
        self._repairs.forget(project.name)
        before, outcome = self.history, "failed"
        if repaired.instead and isinstance(found, Report):
            self._pin_release(repaired.instead, found, now_s)
        else:
            learned = self._repair_outcomes.learn(project, repaired.plan, found, before, now_s)
            outcome, self.history = learned
        for told in rests_told(before, self.history, now_s):
            self.say(told, Level.WARNING)
        self._counters.converged(outcome, now_s - repaired.begun_s, self._wall())
        if isinstance(found, LeaseHeld):
            self.host_cache.look_in(found.host, HELD_RETRY_S)
        elif isinstance(found, ManyProblems):
            self.say(f"{project.name}: {sentence_of(found)}", Level.WARNING)
        elif not isinstance(found, (Report, KeyboardInterrupt)):
            self.say(f"{project.name}: this is a bug in deploytool: {found!r}", Level.ERROR)
        self.host_cache.moved = True

    def _pin_release(self, kept: PinnedRelease, report: Report, now_s: float) -> None:
        """Keep a release after a failed update, until the update is to be tried again."""
        name, pinned = kept.project.name, self._pinned_releases
        if report.endings[name] is FailureOutcome.UNCHANGED:
            pinned = pinned.put_off(kept, report.failures[0].reason, now_s)
        else:
            pinned = pinned.taken_back(kept)
            self.history = self.history.without({name})  # the containers that failed are removed
            self._repair_outcomes.forget({name})
        self._pin(pinned)
        self._ownership.made(name, kept.release)

    # --- reporting --------------------------------------------------------------------------------------

    def _emit_later(self, event: Event) -> None:
        self.post(lambda: self._report(event))

    def _report(self, event: Event) -> None:
        self._emit(event)
        text = next(event_lines(event), "")
        self._counters.happened(event, text, self._wall())

    def say(self, message: str, level: Level = Level.INFO, host: str = "") -> None:
        """Emit a note. For the thread of ``run``, or before it starts."""
        self._report(Note(message, level, host))

    def _publish(self, now_s: float) -> None:
        known = WatchState(
            intent=self._whole,
            hosts=self.host_cache.hosts,
            seen=self.host_cache.seen,
            looked_s={name: view.as_of_s for name, view in self.host_cache.views.items()},
            watches=self.host_cache.watches,
            followed=self.host_cache.events.followed,
            plan=self._plan,
            waits=self._waits,
            history=self.history,
            budget=self.options.limits.restart_budget,
            counters=self._counters,
            problem=self._problem,
            converging=bool(self._repairs),
            ready=self.host_cache.ready,
            begun_s=self._started_s,
            now_s=now_s,
            wall_s=self._wall(),
        )
        self.publisher.publish(snapshot_of(known))


def _project(intent: Intent, name: str) -> Project:
    return next(project for project in intent.projects if project.name == name)
