"""The record that every host keeps of a project: its release, and the hosts that may hold something of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from deploytool.core.placement.placements import data_left_behind
from deploytool.model.backing_off import NONE_BACKING_OFF
from deploytool.model.desired import Desired, HostFiles
from deploytool.model.intent import Intent, ProjectKind
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed, ObservedHost, ProjectFolder
from deploytool.model.plan import Step, StepKind
from deploytool.model.release import CONVERGED, Release
from deploytool.plan.project_case import ProjectCase
from deploytool.plan.renderer import release_digest

_HOSTS_OUT_OF_DATE = "its list of hosts is out of date"


@dataclass(frozen=True, slots=True)
class Record:
    """The record of one project after this plan.

    A holder is a host with a replica, a definition or a route of the project. ``known``: the possible holders
    now. ``possible_holders``: those after the plan, beside the members of the release.
    ``possible_holders_meanwhile``: all of them until then.
    """

    case: ProjectCase
    release: Release
    known: frozenset[str]
    possible_holders: tuple[str, ...] = ()
    possible_holders_meanwhile: tuple[str, ...] = ()

    def steps(self, written: Collection[str] = ()) -> list[Step]:
        """A ``RECORD`` for each host that is in ``written``, or whose record is out of date."""
        steps = []
        for host_name in sorted(self.case.files):
            seen = self.case.observed.answered().get(host_name)
            backing_off = (self.case.name, host_name) in self.case.backing_off.hosts
            if seen is None or backing_off:
                continue
            cause = self._cause(self.case.files[host_name], seen)
            if cause or host_name in written:
                steps.append(_step(StepKind.RECORD, self.case.name, host_name, cause or "replicas change"))
        return steps

    def announcements(self, prepared: Collection[str], records: Iterable[Step]) -> list[Step]:
        """A ``PREPARE`` for each host of ``records`` that has none yet, where new hosts become holders.

        It records the new hosts' names on the others first. So a run that is killed leaves no container on a
        host that no record names, not even if that host then leaves the play.
        """
        if self.known >= set(self.possible_holders_meanwhile):
            return []
        hosts = [step.host for step in records if step.host not in prepared]
        return [_step(StepKind.PREPARE, self.case.name, host, "hosts that join") for host in hosts]

    def has_stale_holder(self, others: Iterable[str]) -> bool:
        """True if a list of possible holders names a host outside the play that is none any more.

        Hosts of the play are observed in any case: a stale entry of one does not justify a write.
        """
        of_play = {host.name for host in self.case.project.hosts}
        return bool(set(others) - of_play - set(self.possible_holders))

    def _cause(self, files: HostFiles, seen: ObservedHost) -> str:
        folder = seen.projects.get(self.case.name)
        if files.manifest is None:
            if folder and folder.manifest_digest:
                return "nothing is to run here any more"
            return _HOSTS_OUT_OF_DATE if folder and self.has_stale_holder(folder.possible_holders) else ""
        if folder is None or not folder.manifest_digest:
            return "compose.yaml is not there"
        if folder.manifest_digest != files.manifest_digest:
            return "compose.yaml differs"
        # Each playbook knows another part of the proxies' hosts, so their releases always differ.
        return "" if self.case.project.kind is ProjectKind.INGRESS else self._cause_of_release(folder)

    def _cause_of_release(self, folder: ProjectFolder) -> str:
        if folder.release is None or folder.release.digest != self.release.digest:
            return f"release {self.release.number} is not on record"
        known, wanted = folder.possible_holders, self.possible_holders
        complete = set(known) >= set(wanted) and not self.has_stale_holder(known)
        return "" if complete or known == wanted else _HOSTS_OUT_OF_DATE


def record_of(case: ProjectCase, changed: tuple[str, ...]) -> Record:
    """The record of a project after its plan; ``changed`` are the services that the plan changes."""
    known = frozenset(case.observed.possible_holders(case.name))
    if case.project.kind is ProjectKind.INGRESS:  # its hosts follow from those of the projects behind it
        return Record(case, _release(case, changed), known)
    wanted = {name for name, file in case.files.items() if file.manifest or file.ingress}
    holding = {name for name in known if name in case.inventory and _may_hold(case, name)}
    whole = case.policy.limit is None and case.backing_off == NONE_BACKING_OFF
    staying = {name for name in holding if not (whole and name in case.observed.answered())}
    return Record(
        case,
        _release(case, changed),
        known,
        possible_holders=tuple(sorted((wanted | staying) - set(case.desired.members))),
        possible_holders_meanwhile=tuple(sorted(wanted | holding)),
    )


def repairs(record: Record) -> bool:
    """True if the release is already on record: the plan repairs drift from it and makes no new one."""
    return record.release is record.case.observed.newest_release(record.case.name)


def limited(steps: Iterable[Step], limit: frozenset[str] | None) -> tuple[tuple[Step, ...], int]:
    """The steps on hosts of ``limit`` that need none on other hosts, and the number of the others."""
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


def _release(case: ProjectCase, changed: tuple[str, ...]) -> Release:
    """The newest release on record where its digest is equal, else the next release."""
    members = {name: case.files[name] for name in case.desired.members if name in case.files}
    digest = release_digest(case.project, case.desired, members)
    newest = case.observed.newest_release(case.name)
    if newest and newest.digest == digest:
        return newest
    stamp = case.policy.stamp
    return Release(
        number=case.observed.latest_number(case.name) + 1,
        digest=digest,
        play=case.project.play,
        when=stamp.when,
        who=stamp.who,
        commit=stamp.commit,
        outcome=CONVERGED,
        placements=_placements(case.desired),
        data=data_left_behind(case.project, case.desired, newest),
        changed=changed,
    )


def _placements(desired: Desired) -> Mapping[str, Mapping[str, int]]:
    """Service → host → replicas, without zeros."""
    placements: dict[str, dict[str, int]] = {}
    for (service, host), count in sorted(desired.counts.items()):
        if count:
            placements.setdefault(service, {})[host] = count
    return placements


def _may_hold(case: ProjectCase, host_name: str) -> bool:
    """True if a host holds a part of the project, or is unreachable, so that it may."""
    seen = case.observed.answered().get(host_name)
    return seen is None or seen.holds(case.name)


def _step(kind: StepKind, project: str, host: str, cause: str) -> Step:
    return Step(f"{project}/{host}/{kind.value}/1", kind, host, project, cause)


def hosts_elsewhere(intent: Intent, observed: Observed) -> dict[str, Host]:
    """The possible holders of the projects that were not observed yet, by name; they are in no play."""
    names = {name for project in intent.projects for name in observed.possible_holders(project.name)}
    hosts = intent.inventory.hosts
    return {name: hosts[name] for name in sorted(names) if name in hosts and name not in observed}
