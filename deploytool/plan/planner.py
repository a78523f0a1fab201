"""Strings the pure decisions together: intent and observed → plan. Decides nothing itself.

schedule → render → reconcile → guard → roll out, project by project; each sees what the earlier ones
of the same run claim.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from deploytool.backend.compose.render.compose import host_files, release_digest, text_sha256
from deploytool.core.change.guard import GuardPolicy, guard
from deploytool.core.change.jobs import done, finished_elsewhere, with_done, without
from deploytool.core.change.reconcile import Change, ReconcilePolicy, reconcile
from deploytool.core.change.rollout import RolledOut, roll_out, unwatched
from deploytool.core.placement.placements import data_left_behind
from deploytool.core.placement.rebalance import moved, rebalance
from deploytool.core.placement.schedule import (
    Claim,
    SchedulePolicy,
    Verdict,
    explain,
    lost_majority,
    schedule,
)
from deploytool.errors import InputError, ManyProblems, NoHost, Refused
from deploytool.model.backing_off import NONE_BACKING_OFF, BackingOff
from deploytool.model.desired import Desired, HostFiles
from deploytool.model.ingress import EDGE
from deploytool.model.intent import Intent, Project
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.plan import Plan, ProjectPlan, ServiceSummary, Step, StepKind
from deploytool.model.release import CONVERGED, Release, Stamp
from deploytool.plan.ingress import Ingress, apart_from, clashing, ingress_of

NO_STAMP = Stamp("", "", "")


@dataclass(frozen=True, slots=True)
class PlanPolicy:
    """What a person allowed and asked for.

    ``limit`` are the only hosts that a step may touch, ``max_moves`` how many replicas may move for balance.
    ``whole_playbook``: no play was left out by tags, so a play that is not there is gone. Unless ``patient``,
    a repair does not wait for what nothing else waits for: somebody goes on watching it.
    """

    schedule: SchedulePolicy = SchedulePolicy()
    reconcile: ReconcilePolicy = ReconcilePolicy()
    guard: GuardPolicy = GuardPolicy()
    limit: frozenset[str] | None = None
    max_moves: int = 0
    whole_playbook: bool = True
    patient: bool = True
    timeout_s: float | None = None


@dataclass(slots=True)
class Planner:
    """Makes plans for one intent. Rendering a host's files again is saved where nothing moved.

    ``fixed`` are schedules that were made elsewhere (a rollback), by project: these are taken as they are.
    ``_began`` is where all was before the first move for balance: what moved since counts in every plan, so
    that planning again after the moves ends somewhere.
    """

    intent: Intent
    policy: PlanPolicy
    stamp: Stamp = NO_STAMP
    fixed: Mapping[str, Desired] = field(default_factory=dict)
    _rendered: dict[tuple[str, str], tuple[object, HostFiles]] = field(default_factory=dict)
    _began: dict[str, Desired] = field(default_factory=dict)
    _ingress: Ingress = Ingress()

    @property
    def whole(self) -> Intent:
        """The intent of the last plan, with the proxies that it needs as a project of their own."""
        return self._ingress.whole(self.intent)

    def want(self, intent: Intent, fixed: Mapping[str, Desired]) -> None:
        """Plan for another intent from now on, and these schedules; what did not change is not made anew."""
        self.intent, self.fixed = intent, fixed

    def want_as_asked(self, intent: Intent, fixed: Mapping[str, Desired]) -> None:
        """As ``want``, for what a person named: what vanishes from the files is meant to."""
        self.want(intent, fixed)
        self.policy = replace(self.policy, guard=replace(self.policy.guard, allow_vanished=True))

    def desired(self, observed: Observed) -> list[Claim]:
        """The schedule of every project.

        Raises:
            NoHost: with the problems of all projects.
        """
        claims, homeless = self._claims(observed)
        if homeless:
            raise NoHost(problem for error in homeless.values() for problem in error.problems)
        return claims

    def _claims(
        self, observed: Observed, held_back: Collection[str] = ()
    ) -> tuple[list[Claim], dict[str, NoHost]]:
        """The schedules, and the projects that have none; those that are ``held_back`` are left out."""
        claims: list[Claim] = []
        others: list[Claim] = []
        homeless: dict[str, NoHost] = {}
        moves = self.policy.max_moves
        rest = apart_from(self.intent, held_back)
        self._ingress = ingress_of(rest, observed)
        for project in self._ingress.whole(rest).projects:
            if project.name in self.fixed:
                claims.append(Claim(project, self.fixed[project.name]))
                others.append(claims[-1])
                continue
            if project.name == EDGE and not project.hosts:
                claims.append(Claim(project, Desired(EDGE, {})))
                continue
            if not _any_answered(project, observed):
                continue  # nothing is known, not even on paper: that no host answers is the news, not this
            try:
                wanted = self._schedule(project, observed, others)
            except NoHost as error:
                homeless[project.name] = error
                continue
            if self.policy.max_moves:
                began = self._began.setdefault(project.name, wanted)
                wanted = rebalance(
                    project, observed, wanted, moves - moved(began, wanted), self.policy.schedule, others
                )
                moves -= moved(began, wanted)
            claims.append(Claim(project, wanted))
            others.append(self._ingress.claim(claims[-1]))
        return claims, homeless

    def plan(self, observed: Observed, midway: bool = False) -> Plan:
        """What has to change, from what was seen; ``midway`` in a change that has begun.

        Raises:
            NoHost: a replica has no home. Refused: by a guard. InputError: a template fails for a host.
        """
        desired = {claim.project.name: claim.desired for claim in self.desired(observed)}
        judged = self.policy.guard.midway if midway else self.policy.guard
        plans: list[ProjectPlan] = []
        for project in self.whole.projects:
            plans.append(self._project(project, desired.get(project.name), observed, plans, judged))
        return Plan(self._ingress.after(plans), tuple(self._left_behind(observed)))

    def plan_each(self, observed: Observed) -> tuple[Plan, dict[str, ManyProblems]]:
        """As ``plan``, but one project's problem does not keep the others from being planned.

        The plan leaves out the projects that have one: a clash of ports, no home for a replica, a refusal, a
        template.
        """
        clashes: Mapping[str, InputError] = {}
        try:
            claims, homeless = self._claims(observed)
        except InputError:  # who gets which port concerns them all
            clashes = clashing(self.intent, observed)
            claims, homeless = self._claims(observed, clashes)
        desired = {claim.project.name: claim.desired for claim in claims}
        problems: dict[str, ManyProblems] = {**clashes, **homeless}
        plans: list[ProjectPlan] = []
        for project in self.whole.projects:
            if project.name in problems:
                continue
            try:
                wanted = desired.get(project.name)
                plans.append(self._project(project, wanted, observed, plans, self.policy.guard))
            except (Refused, InputError) as error:
                problems[project.name] = error
        return Plan(self._ingress.after(plans), tuple(self._left_behind(observed))), problems

    def _left_behind(self, observed: Observed) -> Iterable[str]:
        """Projects of plays that left these playbooks: they stay until somebody takes them down."""
        if not self.policy.whole_playbook:
            return
        files = {project.play.partition(": ")[0] for project in self.intent.projects}
        wanted = {project.name for project in self.intent.projects}
        found: dict[str, list[str]] = {}
        for host_name, host in observed.answered().items():
            for name, folder in sorted(host.projects.items()):
                owner = folder.release.play.partition(": ")[0] if folder.release else ""
                if name not in wanted and owner in files and folder.compose_sha256:
                    found.setdefault(name, []).append(host_name)
        for name, hosts in sorted(found.items()):
            where = ", ".join(hosts)
            yield f"project {name} runs on {where}, but its play is gone: deploytool down --project {name}"

    def explain(self, observed: Observed, service_name: str) -> list[tuple[Project, tuple[Verdict, ...]]]:
        """For every project with the service: why each host was chosen or refused, also where that fails."""
        claims: list[Claim] = []
        found = []
        for project in self.intent.projects:
            if project.service(service_name):
                policy = self.policy.schedule
                verdicts = explain(project, observed, service_name, policy=policy, others=claims)
                found.append((project, verdicts))
            if _any_answered(project, observed):
                with suppress(NoHost):  # the plan itself says so; here it only claims nothing
                    claims.append(Claim(project, self._schedule(project, observed, claims)))
        return found

    def files(self, observed: Observed) -> dict[tuple[str, str], HostFiles]:
        """What each host should hold, by (host, project). Raises as ``plan`` does, but for the guards."""
        return {
            (host_name, claim.project.name): files
            for claim in self.desired(observed)
            for host_name, files in self._files(claim.project, claim.desired, observed).items()
        }

    def digest_of(self, project: Project, desired: Desired) -> str:
        """The digest of the release that a schedule would make; empty where a host of it left the play.

        Raises:
            InputError: a template fails for a host.
        """
        hosts = {host.name: host for host in project.hosts}
        if not hosts.keys() >= set(desired.members):
            return ""
        files = {name: host_files(project, desired, hosts[name]) for name in desired.members}
        return release_digest(project, desired, files)

    def _schedule(self, project: Project, observed: Observed, others: Sequence[Claim]) -> Desired:
        """Where all runs, jobs that are done included: whether one is, its rendered spec has to say."""
        policy = self.policy.schedule
        wanted = schedule(project, observed, policy=policy, others=others)
        finished = finished_elsewhere(project, wanted, observed)
        if not finished:
            return wanted
        specs = {service: self._specs(project, service, wanted) for service, _ in finished}
        counts = done(project, finished, specs)
        rest = schedule(without(project, counts), observed, policy=policy, others=others)
        return with_done(rest, counts)

    def _specs(self, project: Project, service_name: str, desired: Desired) -> set[str]:
        """What a service is made from, on all hosts that are to run it."""
        chosen = (host for host in project.hosts if desired[service_name, host.name])
        return {self._file(project, desired, host).specs[service_name].digest for host in chosen}

    def _project(
        self,
        project: Project,
        desired: Desired | None,
        observed: Observed,
        before: Iterable[ProjectPlan],
        judged: GuardPolicy,
    ) -> ProjectPlan:
        hosts = tuple(host.name for host in project.hosts)
        if desired is None:
            notes = ("none of its hosts answered: nothing is known of it",)
            return ProjectPlan(project.name, project.pattern, hosts, Desired(project.name, {}), notes=notes)
        files = self._files(project, desired, observed)
        changes = reconcile(project, desired, files, observed, self.policy.reconcile)
        guard(project, changes, observed, _guard_policy(project, judged))
        rolled = roll_out(project, changes, observed, self.policy.timeout_s, _stopped(before))
        changed = tuple(dict.fromkeys(change.service for change in changes if change.touched))
        release = self._release(project, desired, files, observed, changed)
        repairs = release is observed.newest_release(project.name)
        known = observed.possible_holders(project.name)
        others, meanwhile = self._others(project, desired, files, known, observed)
        record = _Record(release, others, frozenset(hosts))
        rest = self.policy.reconcile.rest
        rests = rest != NONE_BACKING_OFF and self._leaves_alone(
            project, desired, files, observed, record, changes
        )
        ordered = self._ingress.steps(project, rolled.steps, desired, files, observed, before, rest)
        changing = ordered if self.policy.patient or not repairs else unwatched(ordered)
        prepared = {step.host for step in changing if step.kind is StepKind.PREPARE}
        records = []
        if repairs or not rests:  # a new release of which something is left alone for now has not come to be
            written = {change.host for change in changes if change.touched}
            if record.names_too_many(meanwhile):  # which is what they are told when they are prepared
                written |= prepared
            records = _records(project, record, files, written, observed, rest)
        announced = [] if known >= set(meanwhile) else _announced(project, prepared, records)
        steps, left_out = _limited([*announced, *changing, *records], self.policy.limit)
        touched = {step.host for step in steps}
        return ProjectPlan(
            project=project.name,
            pattern=project.pattern,
            hosts=hosts,
            desired=desired,
            steps=steps,
            files={name: file for name, file in files.items() if name in touched},
            release=release,
            repairs=repairs,
            rests=rests,
            summaries=tuple(_summaries(project, desired, changes, files, rolled)),
            specs={(s, name): spec.digest for name, f in files.items() for s, spec in f.specs.items()},
            notes=(*rolled.notes, *self._notes(project, desired, known, observed, left_out)),
            others=others,
            others_meanwhile=meanwhile,
        )

    def _leaves_alone(
        self,
        project: Project,
        desired: Desired,
        files: Mapping[str, HostFiles],
        observed: Observed,
        record: _Record,
        changes: Sequence[Change],
    ) -> bool:
        """Whether more would change, were nothing left alone."""
        policy = self.policy.reconcile
        every = reconcile(project, desired, files, observed, replace(policy, rest=NONE_BACKING_OFF))

        def differs(changes: Sequence[Change], rest: BackingOff) -> tuple[object, ...]:
            return (
                [change for change in changes if change.touched],
                _records(project, record, files, (), observed, rest),
                self._ingress.steps(project, (), desired, files, observed, (), rest),
            )

        return differs(every, NONE_BACKING_OFF) != differs(changes, policy.rest)

    def _others(
        self,
        project: Project,
        desired: Desired,
        files: Mapping[str, HostFiles],
        known: Collection[str],
        observed: Observed,
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The hosts that may hold something of a project: at the end, beside those with replicas; until then.

        ``known`` are those that may now. Hosts that left the inventory cannot be looked at.
        """
        if project.name == EDGE:
            return (), ()  # it is where the projects are that need it
        wanted = {name for name, file in files.items() if file.compose is not None or file.ingress}
        inventory = self.intent.inventory.hosts
        holding = {name for name in known if name in inventory and _holds(project, observed, name)}
        whole = self.policy.limit is None and self.policy.reconcile.rest == NONE_BACKING_OFF
        staying = {name for name in holding if not (whole and name in observed.answered())}
        return (
            tuple(sorted((wanted | staying) - set(desired.members))),
            tuple(sorted(wanted | holding)),
        )

    def _files(self, project: Project, desired: Desired, observed: Observed) -> dict[str, HostFiles]:
        """What each host should hold: hosts of the play, and those that still hold what they should not."""
        files = {host.name: self._file(project, desired, host) for host in project.hosts}
        for name, seen in observed.answered().items():
            if name not in files and project.name in {*seen.projects, *seen.served}:
                files[name] = HostFiles(compose=None)
        return files

    def _file(self, project: Project, desired: Desired, host: Host) -> HostFiles:
        offers = self._ingress.offers.get(project.name, ())
        made_of = (project, project.definitions, desired, offers)
        before = self._rendered.get((project.name, host.name))
        if before is None or before[0] != made_of:
            before = made_of, host_files(project, desired, host, offers)
            self._rendered[project.name, host.name] = before
        return before[1]

    def _notes(
        self,
        project: Project,
        desired: Desired,
        known: Collection[str],
        observed: Observed,
        left_out: int,
    ) -> Iterable[str]:
        gone = sorted(set(known) - self.intent.inventory.hosts.keys())
        if gone:
            yield f"{', '.join(gone)} left the inventory and may still hold containers of {project.name}"
        on_paper = [f"{host} ({n})" for host in desired.members if (n := _lost(desired, host, observed))]
        if on_paper:
            yield f"replicas on hosts that did not answer stay on paper: {', '.join(on_paper)}"
        if self.policy.schedule.reschedule_unreachable and lost_majority(project, observed):
            yield "more than half of the hosts did not answer: their replicas are not started elsewhere"
        lingering = {name for name, c in observed.containers() if c.lingers and c.project == project.name}
        if lingering:
            yield f"a proxy that was replaced keeps its last connections on {', '.join(sorted(lingering))}"
        if left_out:
            yield f"--limit leaves out {left_out} steps"

    def _release(
        self,
        project: Project,
        desired: Desired,
        files: Mapping[str, HostFiles],
        observed: Observed,
        changed: tuple[str, ...],
    ) -> Release:
        members = {name: files[name] for name in desired.members if name in files}
        digest = release_digest(project, desired, members)
        newest = observed.newest_release(project.name)
        if newest and newest.digest == digest:
            return newest
        placements: dict[str, dict[str, int]] = {}
        for (service, host), count in sorted(desired.counts.items()):
            if count:
                placements.setdefault(service, {})[host] = count
        return Release(
            number=observed.latest_number(project.name) + 1,
            digest=digest,
            play=project.play,
            when=self.stamp.when,
            who=self.stamp.who,
            commit=self.stamp.commit,
            outcome=CONVERGED,
            placements=placements,
            data=data_left_behind(project, desired, newest),
            changed=changed,
        )


def hosts_elsewhere(intent: Intent, observed: Observed) -> dict[str, Host]:
    """Hosts that may hold something of a project, are in no play, and were not looked at yet."""
    names = {name for project in intent.projects for name in observed.possible_holders(project.name)}
    hosts = intent.inventory.hosts
    return {name: hosts[name] for name in sorted(names) if name in hosts and name not in observed}


def _any_answered(project: Project, observed: Observed) -> bool:
    return any(host.name in observed.answered() for host in project.hosts)


@dataclass(frozen=True, slots=True)
class _Record:
    """What every host is to remember: the release, and the other hosts that may hold something.

    Those of the play (``hosts``) are looked at in any case: that a host names one too many is no reason to
    write.
    """

    release: Release
    others: tuple[str, ...]
    hosts: frozenset[str]

    def names_too_many(self, others: Iterable[str]) -> bool:
        """Whether a list of other hosts has one that nobody need look at any more."""
        return bool(set(others) - self.hosts - set(self.others))

    def is_known(self, others: tuple[str, ...]) -> bool:
        """Whether a list of other hosts says what it has to say, and nothing that is not so any more."""
        if others == self.others:
            return True
        return set(others) >= set(self.others) and not self.names_too_many(others)


def _holds(project: Project, observed: Observed, host_name: str) -> bool:
    """Whether a host may hold something: unknown is not absent."""
    seen = observed.answered().get(host_name)
    return seen is None or seen.holds(project.name)


def _records(
    project: Project,
    record: _Record,
    files: Mapping[str, HostFiles],
    written: Collection[str],
    observed: Observed,
    rest: BackingOff,
) -> list[Step]:
    """A host's folder is written when something changes there, or when it does not say what is true."""
    steps = []
    for host_name in sorted(files):
        seen = observed.answered().get(host_name)
        if seen is None or (project.name, host_name) in rest.hosts:
            continue
        cause = _why_record(project.name, record, files[host_name], seen)
        if cause or host_name in written:
            step_id = f"{project.name}/{host_name}/record/1"
            steps.append(Step(step_id, StepKind.RECORD, host_name, project.name, cause or "replicas change"))
    return steps


def _announced(project: Project, prepared: Collection[str], records: Iterable[Step]) -> list[Step]:
    """Before hosts get something of a project for the first time, those that stay know of them.

    So a run that is killed leaves nothing behind that nobody would find, were these to leave the play.
    """
    hosts = [step.host for step in records if step.host not in prepared]
    name = project.name
    return [
        Step(f"{name}/{host}/prepare/1", StepKind.PREPARE, host, name, "hosts that join") for host in hosts
    ]


def _why_record(project_name: str, record: _Record, files: HostFiles, seen: ObservedHost) -> str:
    folder = seen.projects.get(project_name)
    if files.compose is None:
        if folder and folder.compose_sha256:
            return "nothing is to run here any more"
        return _OLD_HOSTS if folder and record.names_too_many(folder.others) else ""
    if folder is None or not folder.compose_sha256:
        return "compose.yaml is not there"
    if folder.compose_sha256 != text_sha256(files.compose):
        return "compose.yaml differs"
    if project_name == EDGE:
        return ""  # each playbook sees other hosts of it, and records what it sees
    if folder.release is None or folder.release.digest != record.release.digest:
        return f"release {record.release.number} is not on record"
    return "" if record.is_known(folder.others) else _OLD_HOSTS


_OLD_HOSTS = "its list of hosts is out of date"


def _guard_policy(project: Project, policy: GuardPolicy) -> GuardPolicy:
    """A proxy goes with the last play that needs it: that is no accident of the files."""
    return replace(policy, allow_vanished=True) if project.name == EDGE else policy


def _stopped(plans: Iterable[ProjectPlan]) -> dict[str, str]:
    """Containers that earlier projects stop, with the step: a later one may take their port."""
    steps = (step for plan in plans for step in plan.steps if step.kind is StepKind.STOP)
    return {container.id: step.id for step in steps for container in step.containers}


def _limited(steps: Sequence[Step], limit: frozenset[str] | None) -> tuple[tuple[Step, ...], int]:
    """Only the steps on hosts of ``limit``, without those that need a step elsewhere; and how many went."""
    if limit is None:
        return tuple(steps), 0
    kept: dict[str, Step] = {}
    left_out: set[str] = set()
    for step in steps:
        if step.host in limit and not left_out.intersection(step.needs):
            kept[step.id] = step
        else:
            left_out.add(step.id)
    return tuple(kept.values()), len(left_out)


def _summaries(
    project: Project,
    desired: Desired,
    changes: Sequence[Change],
    files: Mapping[str, HostFiles],
    rolled: RolledOut,
) -> Iterable[ServiceSummary]:
    names = [service.name for service in project.services]
    names += sorted({change.service for change in changes} - set(names))
    for name in names:
        mine = [change for change in changes if change.service == name]
        service = project.service(name)
        on_hosts = (files[host].specs for host in desired.hosts_of(name) if host in files)
        specs = [specs[name] for specs in on_hosts if name in specs]  # a finished job may be all that is left
        replaced = [c for change in mine for c in (*change.replace, *change.broken)]
        image = specs[0].image if specs else ""
        before = next((c.image for c in replaced if c.image != image), image)
        yield ServiceSummary(
            service=name,
            replicas=sum(n for (s, _), n in desired.counts.items() if s == name),
            in_place=sum(len(change.in_place) for change in mine),
            image=image,
            image_before=before,
            order="start-first" if name in rolled.surged else "stop-first",
            parallelism=service.update.parallelism if service else 1,
            rolled=bool(replaced),
            removed=service is None,
        )


def _lost(desired: Desired, host_name: str, observed: Observed) -> int:
    if host_name in observed.answered():
        return 0
    return sum(desired.services_on(host_name).values())
