"""In which order the changes happen: changes → a DAG of steps.

The order, and why it is safe at every prefix:

1. Every host that will change is prepared first: files checked, images there. What fails here fails
   before anything is touched. (The executor holds this barrier: see ``StepKind``.)
2. What is missing is started and what stopped is restarted, all at once: this only adds.
3. Replacements roll over the whole play, ``parallelism`` at a time, broken replicas first. With
   stop-first at most that many are away; with start-first none.
4. Surplus goes when everything that takes its place is ready; at once where nothing does.
5. Each host records the release when all of the project's steps are done.

Steps of one service on one host form a chain, so that a start can state its sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from deploytool.core.capacity import Ledger, Need, ledgers
from deploytool.core.reconcile import Change, finishes
from deploytool.model.observed import Container, HostPort, Observed
from deploytool.model.plan import Gate, Ref, Step, StepKind
from deploytool.model.service import Port, Project, Service

# Beyond what the healthcheck allows, a busy host needs this to start a container at all.
START_SLACK_S = 15.0
# A job may take long; without a --timeout it gets this.
JOB_DEADLINE_S = 3600.0
DEFAULT_GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class RolledOut:
    """The steps in an order in which they could run one by one; each after those that it needs.

    ``surged`` are the services that are rolled start-first, ``notes`` say where that was not possible.
    """

    steps: tuple[Step, ...]
    surged: frozenset[str]
    notes: tuple[str, ...]


def roll_out(
    project: Project, changes: Sequence[Change], observed: Observed, timeout_s: float | None = None
) -> RolledOut:
    """Order all that changes containers. ``timeout_s`` overrides how long a replica may take to be ready."""
    draft = _Draft(project, timeout_s)
    touched = [change for change in changes if change.touched]
    draft.there = {(change.host, change.service): change.there for change in changes}
    for host in sorted({change.host for change in touched}):
        draft.add(Step("", StepKind.PREPARE, host, project.name, "files and images"), ())
    gone = _make_room(draft, touched)
    surged: set[str] = set()
    notes: list[str] = []
    for service in _in_order(project, touched):
        mine = [change for change in touched if change.service == service.name]
        _bring_up(draft, service, mine)
        obstacle = _obstacle_to_surge(project, service, mine, observed)
        if obstacle is None:
            surged.add(service.name)
        elif obstacle:
            notes.append(obstacle)
        _replace(draft, service, mine, surge=obstacle is None)
    for change in touched:
        _stop_surplus(draft, change, gone)
    return RolledOut(tuple(draft.steps.values()), frozenset(surged), tuple(notes))


def gate_of(project: Project, service: Service, timeout_s: float | None) -> Gate:
    """What a new replica of ``service`` has to do, and by when."""
    monitor_s = service.update.monitor_s
    if finishes(project, service):
        return Gate("completed", timeout_s or JOB_DEADLINE_S)
    healthcheck = service.healthcheck
    allowed_s = healthcheck.deadline_s if healthcheck else monitor_s
    return Gate("ready", timeout_s or allowed_s + START_SLACK_S, monitor_s)


@dataclass(slots=True)
class _Draft:
    """The steps of one project in the making. ``there`` counts containers by (host, service) as they go."""

    project: Project
    timeout_s: float | None
    steps: dict[str, Step] = field(default_factory=dict)
    there: dict[tuple[str, str], int] = field(default_factory=dict)
    ends: dict[tuple[str, str], str] = field(default_factory=dict)  # the last step of each chain
    ups: dict[str, list[str]] = field(default_factory=dict)  # service → its starts and restarts
    numbers: dict[str, int] = field(default_factory=dict)

    def add(self, step: Step, needs: Iterable[str]) -> str:
        """Give ``step`` its id and its place in the chain; returns the id."""
        chain = (step.host, step.service)
        wanted = dict.fromkeys([*needs, *filter(None, [self.ends.get(chain)])])
        base = "/".join(filter(None, [step.project, step.host, step.service, step.kind.value]))
        self.numbers[base] = self.numbers.get(base, 0) + 1
        added = replace(step, id=f"{base}/{self.numbers[base]}", needs=tuple(wanted))
        self.steps[added.id] = added
        if step.service:
            self.ends[chain] = added.id
        if step.kind in (StepKind.START, StepKind.RESTART):
            self.ups.setdefault(step.service, []).append(added.id)
        return added.id

    def step(self, kind: StepKind, change: Change, cause: str, count: int) -> Step:
        """A step about ``count`` replicas of one service on one host, with the service's own times."""
        service = self.project.service(change.service)
        grace_s = service.stop_grace_s if service else DEFAULT_GRACE_S
        gated = service is not None and kind in (StepKind.START, StepKind.RESTART)
        gate = gate_of(self.project, service, self.timeout_s) if gated and service else None
        step = Step("", kind, change.host, self.project.name, cause, change.service, count)
        return replace(step, gate=gate, grace_s=grace_s, total=self.there[change.host, change.service])


def _in_order(project: Project, touched: Iterable[Change]) -> list[Service]:
    """Services after those that they depend on; otherwise as in the file."""
    services = {service.name: service for service in project.services}
    ordered: dict[str, Service] = {}

    def visit(service: Service) -> None:
        for dependency in service.depends_on:
            if dependency.service in services and dependency.service not in ordered:
                visit(services[dependency.service])
        ordered.setdefault(service.name, service)

    for service in project.services:
        visit(service)
    names = {change.service for change in touched}
    return [service for name, service in ordered.items() if name in names]


def _dependencies(draft: _Draft, service: Service) -> list[str]:
    """The steps that bring up what ``service`` depends on, on all hosts."""
    return [step for dependency in service.depends_on for step in draft.ups.get(dependency.service, ())]


def _bring_up(draft: _Draft, service: Service, changes: Iterable[Change]) -> None:
    needs = _dependencies(draft, service)
    for change in changes:
        if change.restart:
            cause = _causes(change, change.restart)
            step = draft.step(StepKind.RESTART, change, cause, len(change.restart))
            draft.add(replace(step, containers=_refs(change.restart)), needs)
        if change.start:
            draft.there[change.host, change.service] += change.start
            draft.add(draft.step(StepKind.START, change, change.why_start, change.start), needs)


# --- replacements ---------------------------------------------------------------------------------------


def _replace(draft: _Draft, service: Service, changes: Sequence[Change], *, surge: bool) -> None:
    broken = [(change, container) for change in changes for container in change.broken]
    sound = [(change, container) for change in changes for container in change.replace]
    size = service.update.parallelism or len(broken) + len(sound)
    needs = [*_dependencies(draft, service), *draft.ups.get(service.name, ())]
    delay_s = 0.0
    for batch, start_first in _batches(broken, sound, size, surge):
        ends = []
        for host in dict.fromkeys(change.host for change, _ in batch):
            mine = [(change, container) for change, container in batch if change.host == host]
            ends.append(_replace_on_host(draft, mine, start_first, needs, delay_s))
        needs, delay_s = ends, service.update.delay_s


_Pairs = Sequence[tuple[Change, Container]]


def _batches(broken: _Pairs, sound: _Pairs, size: int, surge: bool) -> Iterator[tuple[_Pairs, bool]]:
    """Batches with their order: broken replicas stop first whatever the order, nothing is lost with them."""
    if not surge:
        broken, sound = (), [*broken, *sound]
    for pairs, start_first in ((broken, False), (sound, surge)):
        for begin in range(0, len(pairs), size or 1):
            yield pairs[begin : begin + size], start_first


def _replace_on_host(
    draft: _Draft, pairs: _Pairs, start_first: bool, needs: Iterable[str], delay_s: float
) -> str:
    """Replace containers on one host; returns the id of the step that the next batch waits for."""
    change, old = pairs[0][0], [container for _, container in pairs]
    cause = _causes(change, old)
    up = replace(draft.step(StepKind.START, change, cause, len(old)), replaces=True, changes=change.changed)
    down = replace(draft.step(StepKind.STOP, change, cause, len(old)), replaces=True, containers=_refs(old))
    if start_first:
        surged = replace(up, total=up.total + len(old), delay_s=delay_s)
        return draft.add(down, [draft.add(surged, needs)])
    return draft.add(up, [draft.add(replace(down, delay_s=delay_s), needs)])


def _obstacle_to_surge(
    project: Project, service: Service, changes: Sequence[Change], observed: Observed
) -> str | None:
    """Why new replicas cannot start beside the old ones; None where they can, empty where nobody asked."""
    if service.update.order != "start-first" or not any(change.replace for change in changes):
        return ""
    books = ledgers(project.hosts, observed, "", ())
    for change in changes:
        surge = min(service.update.parallelism or len(change.replace), len(change.replace))
        why = _no_room(project, service, change, surge, books.get(change.host)) if surge else ""
        if why:
            return f"{service.name}: stop-first instead of start-first, since {change.host} {why}"
    return None


def _no_room(project: Project, service: Service, change: Change, surge: int, book: Ledger | None) -> str:
    beside = change.there + change.start + surge
    if service.max_per_host and beside > service.max_per_host:
        return f"would hold {beside} replicas, more than max_replicas_per_node {service.max_per_host}"
    if book is None:
        return ""
    need = Need.of(project.name, service)
    if change.start:
        book.book(need, change.start)
    if book.room(need, surge) >= surge:
        return ""
    refusal = book.refusal(need)
    return f"{refusal.one}, beside the old ones" if refusal else "has room for fewer"


# --- what goes ------------------------------------------------------------------------------------------


def _make_room(draft: _Draft, touched: Sequence[Change]) -> frozenset[str]:
    """Stop what holds a host port that another start on the host needs, before it. Returns their ids."""
    gone: set[str] = set()
    for change in touched:
        others = [other for other in touched if other.host == change.host and other is not change]
        wanted = [port for other in others for port in _ports_to_take(draft.project, other)]
        blocking = [container for container in change.stop if _clash(container.ports, wanted)]
        if blocking:
            end = _stop(draft, change, blocking, ())
            for other in others:
                draft.ends.setdefault((other.host, other.service), end)
            gone.update(container.id for container in blocking)
    return frozenset(gone)


def _ports_to_take(project: Project, change: Change) -> tuple[Port, ...]:
    service = project.service(change.service)
    if service is None or not (change.start or change.replace or change.broken or change.restart):
        return ()
    return tuple(port for port in service.ports if port.first and port.mode == "host")


def _clash(held: Iterable[HostPort], wanted: Sequence[Port]) -> bool:
    return any(
        port.protocol == want.protocol and want.first <= port.port <= want.last
        for port in held
        for want in wanted
    )


def _stop_surplus(draft: _Draft, change: Change, gone: frozenset[str]) -> None:
    surplus = [container for container in change.stop if container.id not in gone]
    if not surplus:
        return
    if draft.project.service(change.service):
        successors = draft.ups.get(change.service, [])
    else:  # it may have been renamed: then all that starts takes its place
        successors = [step for ups in draft.ups.values() for step in ups]
    _stop(draft, change, surplus, successors)


def _stop(draft: _Draft, change: Change, containers: Sequence[Container], needs: Iterable[str]) -> str:
    draft.there[change.host, change.service] -= len(containers)
    step = draft.step(StepKind.STOP, change, change.why_stop, len(containers))
    return draft.add(replace(step, containers=_refs(containers)), needs)


def _refs(containers: Iterable[Container]) -> tuple[Ref, ...]:
    return tuple(Ref(container.id, container.name) for container in containers)


def _causes(change: Change, containers: Iterable[Container]) -> str:
    """Why something happens to these containers: what ails them, else the keys that changed."""
    ailments = [change.causes[c.id] for c in containers if c.id in change.causes]
    return ", ".join(ailments) or f"changed: {', '.join(change.changed)}"
