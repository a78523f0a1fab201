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

from deploytool.core.absence import Away, given_up, next_decision, why_not
from deploytool.core.attention import HostWatch, next_delay
from deploytool.core.patience import History
from deploytool.errors import DeploytoolError, LeaseHeld, ManyProblems
from deploytool.model.event import Event, Note, Report
from deploytool.model.inventory import Host
from deploytool.model.observed import Lease, ObservedHost, Unreachable
from deploytool.model.plan import Plan, ProjectPlan
from deploytool.model.service import Intent, Project
from deploytool.report.console import event_lines
from deploytool.run.board import Board
from deploytool.run.chronicle import Chronicle
from deploytool.run.consent import Consent
from deploytool.run.converge import Run, RunOptions, Seen, held_by, held_lease
from deploytool.run.fanout import Engines, observe
from deploytool.run.hear import Ears
from deploytool.run.lease import is_dead
from deploytool.run.picture import Knowledge, picture
from deploytool.run.planning import Planner, PlanPolicy, members_elsewhere
from deploytool.run.releases import Stamp
from deploytool.run.verdict import Verdicts

MOST_IDLE_S = 2.0  # how often files are compared, and a stop is noticed at the latest
HELD_RETRY_S = 2.0  # another run has the lease: when to look again


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the files say at one time, and what a person allowed."""

    intent: Intent
    policy: PlanPolicy
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """``reschedule_after_s`` is for plays that do not say; None never gives a host up.

    ``restart_budget`` is how many repairs a service may have in ten minutes, None for the rule of thumb.
    ``force_own``: the files here win over a release that somebody else made.
    """

    resync_s: float = 60.0
    reschedule_after_s: float | None = None
    restart_budget: int | None = None
    force_own: bool = False
    forks: int = 50


@dataclass(slots=True)
class _View:
    """A host as it was at ``as_of_s``. ``last`` is what it said when it last answered."""

    seen: ObservedHost | Unreachable
    as_of_s: float
    last: ObservedHost | None = None


class Watcher:
    """Keeps an intent so, until it is told to stop.

    ``start`` runs a function in another thread. ``read`` reads the files anew and ``changed`` says whether
    they are others than they were. ``emit`` is called from the thread of ``run`` only. ``clock`` never goes
    back, ``wall`` is the time of day.
    """

    def __init__(
        self,
        wanted: Wanted,
        engines: Engines,
        lease: Lease,
        emit: Callable[[Event], None],
        start: Callable[[Callable[[], None]], object],
        read: Callable[[], Wanted],
        changed: Callable[[], bool] = lambda: False,
        options: WatchOptions = WatchOptions(),
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.board = Board()
        self.options = options
        self._engines, self._lease, self._emit, self._start = engines, lease, emit, start
        self._read, self._changed, self._clock, self._wall = read, changed, clock, wall
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._ears = Ears(
            begun=self.stirred,
            stirred=lambda host, event: self.stirred(host),
            ended=lambda host, reason: self.post(lambda: self._unheard(host, reason)),
        )
        self._views: dict[str, _View] = {}
        self._watches: dict[str, HostWatch] = {}
        self._history = History()
        self._verdicts = Verdicts()
        self._consent = Consent(options.force_own)
        self._chronicle = Chronicle()
        self._repairing: dict[str, Run] = {}
        self._waits: dict[str, str] = {}
        self._plan = Plan()
        self._problem = ""
        self._wake_s: float | None = None
        self._stale, self._reload, self._stopping, self._news = True, False, False, True
        self._begun_s, self._published_s, self._beat_s = wall(), clock(), clock()
        self._adopt(wanted)

    # --- from other threads -----------------------------------------------------------------------------

    def post(self, act: Callable[[], None]) -> None:
        """Let the deciding thread do something soon."""
        self._inbox.put(act)

    def stirred(self, host_name: str) -> None:
        """Something happened on a host."""
        self.post(lambda: self._stirred(host_name))

    def reload(self) -> None:
        """Read the files again. May be called by a signal handler."""
        self.post(self._order_reload)

    def stop(self) -> None:
        """End ``run`` soon. May be called by a signal handler."""
        self.post(self._order_stop)

    def _order_reload(self) -> None:
        self._reload = True

    def _order_stop(self) -> None:
        self._stopping = True

    # --- the loop ---------------------------------------------------------------------------------------

    def run(self) -> None:
        """Watch until ``stop``. Then ``wind_up``."""
        delay_s = 0.0
        self.say(f"watching {len(self._hosts)} hosts")
        while not self._stopping:
            self._wait(delay_s)
            delay_s = self.turn()

    def turn(self) -> float:
        """Take in what was found, begin what is due; returns for how long there is nothing to do."""
        self._beat_s = self._clock()
        while not self._inbox.empty():
            self._inbox.get()()
            self._news = True
        now_s = self._clock()
        if self._reload or self._changed():
            self._read_again()
        for name in [name for name, watch in self._watches.items() if self._is_due(watch, now_s)]:
            self._begin_look(name)
        if self.ready and (self._stale or (self._wake_s is not None and now_s >= self._wake_s)):
            self._decide(now_s)
        if self._news or self._stale or now_s >= self._published_s + self.options.resync_s:
            self._news, self._published_s = False, now_s
            self._publish(now_s)
        dues = [watch.due_s(self.options.resync_s) for watch in self._watches.values()]
        return next_delay([*dues, self._wake_s if self.ready else None], self._clock(), MOST_IDLE_S)

    @property
    def ready(self) -> bool:
        """Every host was looked at, or did not answer."""
        return self._watches.keys() <= self._views.keys()

    def seconds_since_beat(self) -> float:
        """How long ago the deciding thread last came round; any thread may ask."""
        return self._clock() - self._beat_s

    @property
    def quiet(self) -> bool:
        """Nothing waits to be taken in, and nothing is being changed."""
        return self._inbox.empty() and not self._repairing

    def wind_up(self, seconds: float) -> None:
        """Begin no further step, and wait for those that are under way."""
        for run in self._repairing.values():
            run.interrupts.asked = True
        end_s = self._clock() + seconds
        while self._repairing and self._clock() < end_s:
            self._wait(end_s - self._clock())
        self._publish(self._clock())
        self.board.close()

    def close(self) -> None:
        """Hear nothing more. A host that does not answer may take its time."""
        self._ears.close()

    def _wait(self, seconds: float) -> None:
        try:
            self._inbox.get(timeout=max(0.0, seconds))()
            self._news = True
        except queue.Empty:
            return

    def _is_due(self, watch: HostWatch, now_s: float) -> bool:
        due_s = watch.due_s(self.options.resync_s)
        return due_s is not None and now_s >= due_s

    # --- what should be ---------------------------------------------------------------------------------

    def _read_again(self) -> None:
        """Take over what the files say now; where they are broken, what they said last goes on to hold."""
        self._reload = False
        self._chronicle.reloads += 1
        try:
            wanted = self._read()
        except DeploytoolError as error:
            first = error.problems[0]
            self._problem = f"{first.place}: {first.message}" if str(first.place) else first.message
            self.say(f"the files are not used as they are now: {self._problem}", "warning")
        else:
            self._problem = ""
            changed = _changed_projects(self._wanted.intent, wanted.intent)
            self._history = self._history.without(changed)
            self._verdicts.forget(changed)
            self.say(f"files read again: {', '.join(sorted(changed)) or 'nothing'} changed")
            self._adopt(wanted)
        self._stale = True

    def _adopt(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._planner = Planner(wanted.intent, wanted.policy, wanted.stamp)
        self._hosts: dict[str, Host] = {h.name: h for p in wanted.intent.projects for h in p.hosts}
        self._follow(self._hosts)

    def _follow(self, hosts: Mapping[str, Host]) -> None:
        """Watch these hosts and no others; one that is reached in another way now is met anew."""
        elsewhere = members_elsewhere(self._wanted.intent, self._seen()) if self._views else {}
        self._hosts = {**elsewhere, **hosts}
        for name in self._engines.differing(self._hosts):
            self._ears.forget(name)
            self._engines.drop(name)
            self._views.pop(name, None)
            self._watches.pop(name, None)
        for name in self._hosts:
            self._watches.setdefault(name, HostWatch())

    # --- looking ----------------------------------------------------------------------------------------

    def _begin_look(self, name: str) -> None:
        engine = self._engines.of(self._hosts[name])
        begun_s = self._clock()
        self._watches[name] = self._watches[name].looking()

        def look() -> None:
            seen = observe(engine)
            self.post(lambda: self._looked(name, begun_s, seen))

        self._start(look)

    def _looked(self, name: str, begun_s: float, seen: ObservedHost | Unreachable) -> None:
        if name not in self._watches:
            return  # the files do not know it any more
        self._chronicle.looks += 1
        known = self._views.get(name)
        if known and begun_s < known.as_of_s:  # a change ended after this look began: look again
            self._watches[name] = self._watches[name].answered(self._clock()).stirred(self._clock())
            return
        self._take_in(name, seen)
        if isinstance(seen, ObservedHost):
            self._ears.listen(name, self._engines.of(self._hosts[name]))
            if members_elsewhere(self._wanted.intent, self._seen()):
                self._follow(self._hosts)

    def _take_in(self, name: str, seen: ObservedHost | Unreachable) -> None:
        """What a look or a change saw of a host is what is known of it now."""
        now_s, known = self._clock(), self._views.get(name)
        last = known.last if known else None
        watch = self._watches[name]
        if isinstance(seen, ObservedHost):
            finishing = {
                (p.name, s.name) for p in self._wanted.intent.projects for s in p.services if p.finishes(s)
            }
            before = self._history
            self._history = before.looked(name, last, seen, finishing, now_s)
            self._tell_failures(before, seen, name, now_s)
            self._watches[name] = watch.answered(now_s)
            if known is not None and watch.tries:
                self.say(f"{name} answers again", host=name)
        else:
            self._watches[name] = watch.fell_silent(now_s)
            if not watch.tries:
                self.say(f"{name} does not answer: {seen.reason}", "warning", name)
        self._views[name] = _View(seen, now_s, seen if isinstance(seen, ObservedHost) else last)
        self._stale = True

    def _stirred(self, name: str) -> None:
        if name in self._watches:
            self._chronicle.stirred(name)
            self._watches[name] = self._watches[name].stirred(self._clock())

    def _unheard(self, name: str, reason: str) -> None:
        """A host's events ended: what was known of it is not known any more, until it answers a look."""
        known = self._views.get(name)
        if known is None or name not in self._watches or not isinstance(known.seen, ObservedHost):
            return
        self._views[name] = replace(known, seen=Unreachable(reason))
        self._watches[name] = self._watches[name].suspect(self._clock())
        self._stale = True

    def _seen(self) -> Seen:
        return {name: view.seen for name, view in self._views.items()}

    # --- deciding ---------------------------------------------------------------------------------------

    def _decide(self, now_s: float) -> None:
        """Plan with all that is known, and begin what has to be done and may be done."""
        self._stale = False
        seen, intent = self._seen(), self._wanted.intent
        away = self._away(now_s)
        plan, problems = self._planned(seen, away, now_s)
        self._plan = plan
        waits: dict[str, str] = {name: _sentence(error) for name, error in problems.items()}
        for project_plan in plan.projects:
            project = _project(intent, project_plan.project)
            if project.name in self._repairing:
                continue  # what is seen of it is about to change
            objection = self._objection(project, project_plan, seen, now_s)
            held_back = why_not(project, away, self._after_s(project), len(self._hosts))
            if objection or held_back:
                waits[project.name] = objection or held_back
            if project_plan.steps and not objection:
                self._begin_repair(project, project_plan, seen)
        self._tell_waits(waits)
        plays = [(project, self._after_s(project)) for project in intent.projects]
        decision_s = next_decision(plays, away)
        rest_s = self._history.wakes_s(intent.projects, now_s, self.options.restart_budget)
        times = [rest_s, None if decision_s is None else now_s + decision_s]
        self._wake_s = min((time_s for time_s in times if time_s is not None), default=None)

    def _objection(self, project: Project, plan: ProjectPlan, seen: Seen, now_s: float) -> str:
        """Why not to touch a project now; empty where it may be touched."""
        objection = self._consent.objection(project, plan, seen, self._planner)
        held = held_lease(Plan((plan,)), seen, self._lease.owner)
        if objection or held is None or is_dead(held[1]):
            return objection
        self._hold_off(held[0], now_s)
        return f"waiting for {held_by(*held)}"

    def _planned(
        self, seen: Seen, away: Mapping[str, Away], now_s: float
    ) -> tuple[Plan, dict[str, ManyProblems]]:
        """The plan, with hosts given up where that is due and the others have room for what they held."""
        projects = self._wanted.intent.projects
        lost = frozenset(
            (project.name, host)
            for project in projects
            for host in given_up(project, away, self._after_s(project), len(self._hosts))
        )
        plan, problems = self._plan_with(seen, lost, now_s)
        crowded = {name for name in problems if any(name == project for project, _ in lost)}
        if not crowded:
            return plan, problems
        plan, _ = self._plan_with(seen, frozenset(one for one in lost if one[0] not in crowded), now_s)
        return plan, problems

    def _plan_with(
        self, seen: Seen, lost: frozenset[tuple[str, str]], now_s: float
    ) -> tuple[Plan, dict[str, ManyProblems]]:
        base, history = self._wanted.policy, self._history
        rest = history.rest(self._wanted.intent.projects, now_s, self.options.restart_budget)
        self._planner.policy = replace(
            base,
            schedule=replace(base.schedule, given_up=lost, doubtful=history.doubtful(now_s)),
            reconcile=replace(base.reconcile, respect_restart=True, rest=rest),
            patient=False,
        )
        return self._planner.plan_each(seen)

    def _away(self, now_s: float) -> dict[str, Away]:
        return {
            name: Away(now_s - since_s, view.seen.setup)
            for name, view in self._views.items()
            if isinstance(view.seen, Unreachable) and (since_s := self._watches[name].silent_s) is not None
        }

    def _after_s(self, project: Project) -> float | None:
        said = project.reschedule_after_s
        return self.options.reschedule_after_s if said is None else said

    def _tell_waits(self, waits: Mapping[str, str]) -> None:
        for name, why in sorted(waits.items()):
            if self._waits.get(name) != why:
                self.say(f"{name}: left alone: {why}", "warning")
        self._waits = dict(waits)

    # --- changing ---------------------------------------------------------------------------------------

    def _begin_repair(self, project: Project, plan: ProjectPlan, seen: Seen) -> None:
        policy = replace(self._planner.policy, whole_playbook=False)
        intent = replace(self._wanted.intent, projects=(project,))
        planner = Planner(intent, policy, self._wanted.stamp)
        options = RunOptions(
            self.options.forks, rounds=1
        )  # the next plan is made with all that is known then
        tell = self._tell_later
        run = Run(intent, planner, self._engines, self._lease, tell, options)
        self._repairing[project.name] = run
        self._chronicle.drifted(plan.steps)
        services = [(project.name, s.service) for s in plan.steps if s.gate for _ in range(s.count)]
        self._history = self._history.repaired(services, self._clock())
        self._consent.making(plan)
        begun_s = self._clock()

        def work() -> None:
            found: Report | Exception
            try:
                found, after = run.carry_out(Plan((plan,)), seen)
            except Exception as error:  # told by the deciding thread; a bug in one repair ends no other
                found, after = error, {}
            self.post(lambda: self._repaired(project, plan, begun_s, found, after))

        self._start(work)

    def _repaired(
        self, project: Project, plan: ProjectPlan, begun_s: float, found: Report | Exception, after: Seen
    ) -> None:
        """A change has ended: learn from it, and look at what it touched."""
        del self._repairing[project.name]
        now_s = self._clock()
        touched = {step.host for step in plan.steps}
        for name in touched & self._watches.keys():
            seen = after.get(name)
            if seen is None:
                self._watches[name] = self._watches[name].stirred(now_s)
            elif not self._watches[name].busy:
                self._take_in(name, seen)
        before = self._history
        outcome, self._history = self._verdicts.learn(project, plan, found, before, now_s)
        self._tell_rests(before, now_s)
        self._chronicle.converged(outcome, now_s - begun_s, self._wall())
        if isinstance(found, LeaseHeld):
            self._hold_off(found.host, now_s)
        elif isinstance(found, ManyProblems):
            self.say(f"{project.name}: {_sentence(found)}", "warning")
        elif isinstance(found, Exception):
            self.say(f"{project.name}: this is a bug in deploytool: {found!r}", "error")
        self._stale = True

    def _tell_rests(self, before: History, now_s: float) -> None:
        """Who is left alone from now on, and why; what the log needs to explain a pause."""
        for (project, service), setback in self._history.services.items():
            if before.services.get((project, service)) != setback:
                seconds = setback.until_s - now_s
                self.say(f"{project}/{service}: left alone for {seconds:.0f} s: {setback.why}", "warning")
        for (project, host), setback in self._history.hosts.items():
            if before.hosts.get((project, host)) != setback:
                seconds = setback.until_s - now_s
                self.say(
                    f"{project} on {host}: left alone for {seconds:.0f} s: {setback.why}", "warning", host
                )

    def _tell_failures(self, before: History, seen: ObservedHost, host: str, now_s: float) -> None:
        for container in seen.containers:
            setback = self._history.containers.get(container.id)
            if setback and setback.at_s == now_s and before.containers.get(container.id) != setback:
                rest = f", left alone for {setback.until_s - now_s:.0f} s" if setback.until_s > now_s else ""
                why = f"{container.name} {setback.why} ({setback.failures} in a row){rest}"
                self.say(f"{host}: {container.project}/{container.service}: {why}", "warning", host)

    def _hold_off(self, host: str, now_s: float) -> None:
        """Another run is at work: look again soon whether it still is."""
        if host in self._watches:
            self._watches[host] = self._watches[host].stirred(now_s + HELD_RETRY_S)

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
        known = Knowledge(
            intent=self._wanted.intent,
            hosts=self._hosts,
            seen=self._seen(),
            looked_s={name: view.as_of_s for name, view in self._views.items()},
            watches=self._watches,
            heard=self._ears.heard,
            plan=self._plan,
            waits=self._waits,
            history=self._history,
            budget=self.options.restart_budget,
            chronicle=self._chronicle,
            problem=self._problem,
            converging=bool(self._repairing),
            ready=self.ready,
            begun_s=self._begun_s,
            now_s=now_s,
            wall_s=self._wall(),
        )
        self.board.publish(picture(known))


def _project(intent: Intent, name: str) -> Project:
    return next(project for project in intent.projects if project.name == name)


def _sentence(error: DeploytoolError) -> str:
    return "; ".join(problem.message for problem in error.problems)


def _changed_projects(before: Intent, after: Intent) -> set[str]:
    """The projects that the files say something else of now, as far as can be told without rendering."""
    old = {project.name: project for project in before.projects}
    new = {project.name: project for project in after.projects}
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
