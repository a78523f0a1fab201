"""The engine of a simulated host, with state in memory and injected faults.

One suite of tests runs on it and on the engine of real hosts. Faults are cheap here: a step that fails, a
host that is lost before or after a step took effect, a replica that never gets ready, a run that dies between
two steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import yaml

from deploytool.backend.base import Attempt, LeaseClaim, Outcome, Task
from deploytool.backend.compose.parse_container import parse_reserve
from deploytool.backend.memory.feeds import MemoryFeed, MemoryStream
from deploytool.backend.memory.host import Crash, Fault, Folder, MemoryHost, no_fault
from deploytool.errors import HostUnreachable
from deploytool.model import labels
from deploytool.model.container import Container, ContainerEvent, ContainerState, Health, HostPort
from deploytool.model.desired import Manifest
from deploytool.model.ingress import PROXY, Offer, Served
from deploytool.model.intent import ProjectKind
from deploytool.model.inventory import DEFAULT_DIRECTORY
from deploytool.model.log import Live, LogLine, LogQuery
from deploytool.model.observed import ObservedHost, ProjectFolder
from deploytool.model.plan import GateGoal, Step, StepKind
from deploytool.model.release import Lease, StoredRelease
from deploytool.transport.base import Result, Terminal


class _PortTaken(Exception):
    """A port of the host is already published by another container."""


@dataclass(slots=True)
class MemoryEngine:
    """The engine of one simulated host.

    ``fault(host, verb, when)`` is called before and after each verb, with ``when`` as ``before`` or
    ``after``. It returns "" for no fault, a sentence (the verb fails), ``lost`` (the host stops answering) or
    ``crash`` (the run dies). ``execs`` has the verbs in the order of their calls.
    """

    host: MemoryHost
    fault: Fault = no_fault
    directory: str = DEFAULT_DIRECTORY
    execs: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Do nothing: to observe takes no time here."""

    def observe(self) -> ObservedHost:
        self._enter("observe")
        folders = self.host.folders
        return ObservedHost(
            facts=replace(self.host.facts, now_s=self.host.now_s),
            containers=tuple(self.host.containers),
            projects={
                name: ProjectFolder(
                    name,
                    folder.manifest.digest if folder.manifest else "",
                    folder.release,
                    folder.lease,
                    folder.records.latest,
                    folder.possible_holders,
                )
                for name, folder in list(folders.items())
            },
            served=dict(self.host.served),
        )

    def perform(self, tasks: Sequence[Task], claim: LeaseClaim) -> Sequence[Outcome]:
        kind = tasks[0].step.kind
        refused = self._enter(kind.value)
        if refused:
            return [Outcome(refused)] * len(tasks)
        with self.host.lock:
            outcomes = [self._one(task, claim) for task in tasks]
        self._leave(kind.value)
        if kind in (StepKind.PREPARE, StepKind.RECORD) and outcomes[0].ok:
            outcomes[0] = replace(outcomes[0], observed=self._seen())
        return outcomes

    def releases(self, project: str) -> Sequence[StoredRelease]:
        self._enter("releases")
        return list(self._folder(project).history)

    def renew(self, project: str, claim: LeaseClaim) -> Outcome:
        self._enter("renew")
        return self._keep(project, claim) or Outcome()

    def lock(self, project: str, claim: LeaseClaim) -> Outcome:
        self._enter("lock")
        return self._take(project, claim) or Outcome()

    def unlock(self, project: str, claim: LeaseClaim, attempt: Attempt | None = None) -> Outcome:
        self._enter("unlock")
        folder = self._folder(project)
        if attempt:
            folder.remember(StoredRelease(attempt.release))
            folder.possible_holders = attempt.possible_holders
        if folder.lease and folder.lease.owner in (claim.lease.owner, claim.take_from):
            folder.lease = None
        return Outcome()

    def prune(self, project: str, claim: LeaseClaim) -> tuple[Outcome, Sequence[str]]:
        self._enter("prune")
        manifests = [one.manifest for one in self._folder(project).history]
        needed = {c.image for c in self.host.containers} | set(
            _images([self._folder(project).manifest, *manifests])
        )
        mine = {image.rpartition(":")[0] for image in needed}
        gone = sorted(i for i in self.host.images or () if i.rpartition(":")[0] in mine and i not in needed)
        self.host.images = self.host.images and self.host.images - set(gone)
        return Outcome(), gone

    def forget(self, project: str, claim: LeaseClaim) -> Outcome:
        self._enter("forget")
        refused = self._take(project, claim)
        if refused:
            return refused
        if any(c.project == project for c in self.host.containers):
            return Outcome("it still has containers")
        del self.host.folders[project]
        return Outcome()

    def events(self) -> MemoryFeed[ContainerEvent]:
        self._enter("events")
        feed: MemoryFeed[ContainerEvent] = MemoryFeed(self._suffer_loss, self.host.feeds.remove)
        self.host.feeds.append(feed)
        return feed

    def logs(self, query: LogQuery) -> MemoryFeed[LogLine | Live]:
        self._enter("logs")
        feed: MemoryFeed[LogLine | Live] = MemoryFeed(self._suffer_loss, self.host.followers.remove)
        self.host.followers.append(feed)
        wanted = [line for line in self.host.written if (line.project, line.service) in query.services]
        for line in wanted if query.tail is None else wanted[len(wanted) - query.tail :]:
            feed.put(line)
        if query.follow:
            feed.put(Live())
        else:
            feed.end()
        return feed

    def exec(
        self, container_id: str, argv: Sequence[str], *, terminal: Terminal | None = None
    ) -> MemoryStream:
        self._enter("exec")
        found = [c for c in self.host.containers if c.id == container_id and c.running]
        if not found:
            return MemoryStream(lambda stdin: Result(1, stderr=b"the container is not running\n"))
        return MemoryStream(lambda stdin: self.host.command(found[0], argv, stdin))

    def close(self) -> None:
        """Do nothing: there is no connection."""

    # --- faults -----------------------------------------------------------------------------------------

    def _enter(self, verb: str) -> str:
        self.execs.append(verb)
        return self._suffer(self.fault(self.host.name, verb, "before"))

    def _leave(self, verb: str) -> None:
        self._suffer(self.fault(self.host.name, verb, "after"))

    def _suffer_loss(self) -> None:
        self._suffer("")

    def _suffer(self, fault: str) -> str:
        if fault == "crash":
            raise Crash
        if fault == "lost":
            self.host.reachable = False
        if not self.host.reachable:
            raise HostUnreachable("no answer", host=self.host.name)
        if self.host.unusable:
            raise HostUnreachable(self.host.unusable, host=self.host.name, setup=True)
        return fault

    # --- verbs ------------------------------------------------------------------------------------------

    def _one(self, task: Task, claim: LeaseClaim) -> Outcome:
        project = task.step.project
        if task.step.kind in (StepKind.PREPARE, StepKind.RECORD):
            refused = self._take(project, claim)
        else:
            refused = self._keep(project, claim)
        try:
            return refused or _VERBS[task.step.kind](self, task, self._folder(project))
        except _PortTaken as error:
            return Outcome(str(error))

    def _prepare(self, task: Task, folder: Folder) -> Outcome:
        missing = [i for _, i in task.images if self.host.images is not None and i not in self.host.images]
        if missing:
            return Outcome(f"image {missing[0]} cannot be pulled: not found", "check its name and tag")
        folder.staged = task.files.manifest if task.files else None
        folder.possible_holders = task.possible_holders
        folder.leaving.clear()  # of the plan before
        return Outcome()

    def _start(self, task: Task, folder: Folder) -> Outcome:
        self._activate(folder)
        step = task.step
        there = self._replicas(step.project, step.service)
        if len(there) > step.total:
            return Outcome("there are more containers than planned", changed=True)
        made = []
        for _ in range(step.total - len(there)):
            made.append(self._make(task, folder))
            self.host.containers.append(made[-1])
            self.host.happen("start", made[-1])
        return self._ready(task, made or [c for c in there if c.spec == task.spec])

    def _restart(self, task: Task, folder: Folder) -> Outcome:
        self._activate(folder)
        ids = {container.id for container in task.step.containers}
        again = [
            replace(c, state=ContainerState.RUNNING, exit_code=0) for c in self.host.containers if c.id in ids
        ]
        self.host.containers = [c for c in self.host.containers if c.id not in ids] + again
        for container in again:
            self.host.happen("start", container)
        return self._ready(task, again)

    def _stop(self, task: Task, folder: Folder) -> Outcome:
        self._activate(folder)
        ids = {container.id for container in task.step.containers}
        for container in [c for c in self.host.containers if c.id in ids]:
            self.host.remove(container)
        return Outcome()

    def _endpoints(self, task: Task, folder: Folder) -> Outcome:
        project, served = task.step.project, self.host.served
        part = {file.path: file.content.decode() for file in task.files.ingress} if task.files else {}
        proxies = [c for c in self.host.containers if c.of_ingress and c.service == PROXY]
        goes = (
            task.project_kind is ProjectKind.SERVICES
            and "offers.json" not in part
            and not any(c.running for c in proxies)
        )
        if not goes and not any(c.healthy for c in proxies):
            return Outcome("its admin socket does not answer")
        before = served.get(project, Served())
        folder.leaving |= {container.id for container in task.step.containers}
        if "offers.json" in part:
            served[project] = self._served(task.step, part, before, folder.leaving)
        elif task.step.containers:  # it is drained before the proxy's configuration is removed
            names = {container.name for container in task.step.containers}
            local = {name: tuple(n for n in found if n not in names) for name, found in before.local.items()}
            served[project] = replace(before, local=local)
        else:
            served.pop(project, None)
        return Outcome()

    def _served(
        self, step: Step, part: Mapping[str, str], before: Served, leaving: Collection[str]
    ) -> Served:
        services = sorted({path[9:].partition("~")[0] for path in part if path.startswith("clusters/")})
        remote = {name: dict(before.remote.get(name, {})) for name in services}
        remote.get(step.service, {}).update(step.remotes)
        offers = [
            Offer(**{**raw, "domains": tuple(raw["domains"])}) for raw in json.loads(part["offers.json"])
        ]
        local = {
            name: [c.name for c in self._replicas(step.project, name) if c.serves and c.id not in leaving]
            for name in services
        }
        return Served(
            part["digest"],
            tuple(offers),
            {name: tuple(sorted(names)) for name, names in local.items()},
            {name: {host: n for host, n in sorted(known.items()) if n} for name, known in remote.items()},
        )

    def _drain(self, task: Task, folder: Folder) -> Outcome:
        return Outcome()

    def _record(self, task: Task, folder: Folder) -> Outcome:
        folder.manifest = task.files.manifest if task.files else None
        folder.staged, folder.release, folder.lease = None, task.release, None
        folder.possible_holders = task.possible_holders
        if task.release:
            folder.remember(StoredRelease(task.release, folder.manifest))
        return Outcome()

    # --- state ------------------------------------------------------------------------------------------

    def _folder(self, project: str) -> Folder:
        return self.host.folders.setdefault(project, Folder())

    def _activate(self, folder: Folder) -> None:
        if folder.staged is not None:
            folder.manifest, folder.staged = folder.staged, None

    def _replicas(self, project: str, service: str) -> list[Container]:
        return [
            c for c in self.host.containers if (c.project, c.service) == (project, service) and not c.oneoff
        ]

    def _make(self, task: Task, folder: Folder) -> Container:
        """The container that Docker would make from the current definition."""
        step = task.step
        definition = _services(folder.manifest)[step.service]
        said: Mapping[str, str] = definition["labels"]
        there = self._replicas(step.project, step.service)
        number = max((c.number for c in there), default=0) + 1
        self.host.made += 1
        return Container(
            id=f"{self.host.name}-{self.host.made:04}",
            name=f"{step.project}-{step.service}-{number}",
            project=step.project,
            service=step.service,
            number=number,
            spec=said[labels.SPEC],
            keys=yaml.safe_load(said[labels.KEYS]),
            image=definition["image"].replace("$$", "$"),  # as Compose reads it
            health=Health.UNHEALTHY if definition["image"] in self.host.sick else Health.NONE,
            reserve=parse_reserve(said.get(labels.RESERVE, "")),
            ports=self._free_ports(definition.get("ports", ())),
        )

    def _free_ports(self, wanted: Sequence[Mapping[str, str]]) -> tuple[HostPort, ...]:
        """The lowest free port of each range, as Docker chooses."""
        taken = {(port.port, port.protocol) for c in self.host.containers for port in c.ports}
        found: list[HostPort] = []
        for entry in (entry for entry in wanted if "published" in entry):
            protocol = entry.get("protocol", "tcp")
            first, _, last = str(entry["published"]).partition("-")
            free = (n for n in range(int(first), int(last or first) + 1) if (n, protocol) not in taken)
            port = next(free, None)
            if port is None:
                raise _PortTaken(f"port {entry['published']} is already allocated")
            found.append(HostPort(port, protocol, entry.get("host_ip", "")))
            taken.add((found[-1].port, protocol))
        return tuple(found)

    def _ready(self, task: Task, containers: Sequence[Container]) -> Outcome:
        watched = task.step.gate is None or task.step.gate.until != GateGoal.NONE
        sick = [c for c in containers if watched and c.image in self.host.sick]
        return Outcome(f"{sick[0].name} is unhealthy", log=("it says why",)) if sick else Outcome()

    def _take(self, project: str, claim: LeaseClaim) -> Outcome | None:
        lease = self._folder(project).lease
        mine = lease is None or lease.owner in (claim.lease.owner, claim.take_from)
        if lease and not mine and lease.expires_s > self.host.now_s:
            return Outcome("the lease is held", lease_conflict=lease)
        self._write_lease(project, claim)
        return None

    def _keep(self, project: str, claim: LeaseClaim) -> Outcome | None:
        lease = self._folder(project).lease
        if lease is None or lease.owner != claim.lease.owner:
            return Outcome("the lease was lost", lease_conflict=lease or Lease(""))
        self._write_lease(project, claim)
        return None

    def _write_lease(self, project: str, claim: LeaseClaim) -> None:
        expires_s = self.host.now_s + claim.ttl_s
        self._folder(project).lease = replace(claim.lease, expires_s=expires_s)

    def _seen(self) -> ObservedHost:
        quiet = MemoryEngine(self.host, directory=self.directory)
        return quiet.observe()


def _images(manifests: Sequence[Manifest | None]) -> list[str]:
    return [
        str(service["image"]).replace("$$", "$")
        for manifest in manifests
        for service in _services(manifest).values()
    ]


@lru_cache(maxsize=256)
def _services(manifest: Manifest | None) -> Mapping[str, Any]:
    """Service → its definition; a fleet has many hosts with the same manifest."""
    services: Mapping[str, Any] = yaml.safe_load(manifest.text)["services"] if manifest else {}
    return services


_VERBS: dict[StepKind, Callable[[MemoryEngine, Task, Folder], Outcome]] = {
    StepKind.PREPARE: MemoryEngine._prepare,
    StepKind.START: MemoryEngine._start,
    StepKind.RESTART: MemoryEngine._restart,
    StepKind.STOP: MemoryEngine._stop,
    StepKind.ENDPOINTS: MemoryEngine._endpoints,
    StepKind.DRAIN: MemoryEngine._drain,
    StepKind.RECORD: MemoryEngine._record,
}
