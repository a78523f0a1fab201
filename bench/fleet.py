"""A day in the life of a fleet: hosts die and come back, services scale, images change, hosts join.

    python bench/fleet.py                                       200 hosts, 2,000 replicas, 96 events
    python bench/fleet.py --hosts 10000 --replicas 100000       a big one: takes a while
    python bench/fleet.py --seed 7

Each host is one of ``deploytool.backend.memory``, which keeps the same contract as real hosts. After
every event all are looked at, a plan is made (schedule, reconcile, roll out) and its steps are done. It
prints, for each kind of event, the seconds of processor time that a plan took, and how many replicas were
started against the fewest that would do; then how even the fleet is, and how often a rule was violated.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from schedule import FACTS, NoDefinitions, make_hosts, make_services

from deploytool.backend.base import LeaseClaim, Task
from deploytool.backend.memory.engine import MemoryEngine
from deploytool.backend.memory.host import MemoryHost
from deploytool.cli import GC_THRESHOLD
from deploytool.core.change.reconcile import reconcile
from deploytool.core.change.rollout import roll_out
from deploytool.core.placement.constraints import matches
from deploytool.core.placement.rebalance import rebalance
from deploytool.core.placement.schedule import NO_POLICY, SchedulePolicy, schedule
from deploytool.errors import HostUnreachable
from deploytool.model import labels
from deploytool.model.container import Container
from deploytool.model.desired import Desired, HostFiles, Manifest, Spec
from deploytool.model.intent import Project, Service
from deploytool.model.inventory import Host, HostState
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from deploytool.model.plan import Step, StepKind
from deploytool.model.release import Lease, Release

REPLACED = SchedulePolicy(reschedule_unreachable=True)
HOLD = LeaseClaim(Lease("bench"))


@dataclass
class Figures:
    """Of one kind of event: seconds of each plan, replicas started, and the fewest that would do."""

    seconds: list[float] = field(default_factory=list)
    started: int = 0
    fewest: int = 0
    replaced: int = 0


class Fleet:
    """The hosts, and what is wanted of them. Who is ``away`` does not answer."""

    def __init__(self, hosts: int, replicas: int, chance: random.Random) -> None:
        services = make_services(replicas)
        self.project = Project("fleet", "bench", "Fleet", "all", make_hosts(hosts), services, NoDefinitions())
        self.chance = chance
        self.versions = {service.name: 1 for service in services}
        self.engines = {host.name: _engine(host.name) for host in self.project.hosts}
        self.release = Release(0, "")
        self.policy = NO_POLICY
        self.failed: list[str] = []

    @property
    def away(self) -> set[str]:
        return {name for name, engine in self.engines.items() if not engine.host.reachable}

    def held(self, host_name: str) -> list[Container]:
        return self.engines[host_name].host.containers

    # --- what is seen and wanted --------------------------------------------------------------------

    def observed(self) -> Observed:
        return Observed({name: _look(engine) for name, engine in self.engines.items()})

    def files(self) -> Mapping[str, HostFiles]:
        """Every host gets the same definition, as if it had been rendered."""
        specs = {name: Spec(f"1:{version}", name) for name, version in self.versions.items()}
        services = {service.name: _definition(service, specs) for service in self.project.services}
        return dict.fromkeys(self.engines, HostFiles(Manifest(json.dumps({"services": services})), specs))

    # --- events: each says how many replicas have to be started at least --------------------------------

    def host_dies(self) -> int:
        """It stays on paper: nothing is started for it."""
        away = self.away
        self.engines[self.pick(name for name in self.engines if name not in away)].host.reachable = False
        return 0

    def lost_host_is_replaced(self) -> int:
        """A person says that what does not answer is gone; what it held is started elsewhere."""
        self.policy = REPLACED
        away = self.away
        return sum(hosts.get(name, 0) for hosts in self.release.placements.values() for name in away)

    def host_comes_back(self) -> int:
        """With all that it held."""
        if self.away:
            self.engines[self.pick(self.away)].host.reachable = True
        return 0

    def service_grows(self) -> int:
        service = self.pick_service()
        more = max(1, service.replicas // 10)
        self.change(replace(service, replicas=service.replicas + more))
        return more

    def service_shrinks(self) -> int:
        service = self.pick_service()
        self.change(replace(service, replicas=service.replicas - service.replicas // 10))
        return 0

    def image_changes(self) -> int:
        """All of the service is replaced where it is; nothing moves."""
        self.versions[self.pick_service().name] += 1
        return 0

    def host_joins(self) -> int:
        """It gets nothing by itself."""
        number = len(self.project.hosts)
        host = make_hosts(number + 1)[-1]
        self.project = replace(self.project, hosts=(*self.project.hosts, host))
        self.engines[host.name] = _engine(host.name)
        return 0

    def host_is_drained(self) -> int:
        away = self.away
        active = [h for h in self.project.hosts if h.state is HostState.ACTIVE and h.name not in away]
        host = active[self.chance.randrange(len(active))]
        self.set_host(replace(host, state=HostState.DRAIN))
        return len(self.held(host.name))

    def drained_host_returns(self) -> int:
        drained = [host for host in self.project.hosts if host.state is HostState.DRAIN]
        if drained:
            self.set_host(replace(drained[0], state=HostState.ACTIVE))
        return 0

    def containers_vanish(self) -> int:
        """Somebody removes some by hand."""
        engines = self.engines.items()
        name = self.pick(name for name, engine in engines if engine.host.containers and engine.host.reachable)
        gone = self.chance.randint(1, len(self.held(name)))
        del self.held(name)[:gone]
        return gone

    def pick(self, names: Iterable[str]) -> str:
        return self.chance.choice(sorted(names))

    def pick_service(self) -> Service:
        return self.chance.choice(self.project.services)

    def change(self, service: Service) -> None:
        services = tuple(service if s.name == service.name else s for s in self.project.services)
        self.project = replace(self.project, services=services)

    def set_host(self, host: Host) -> None:
        hosts = tuple(host if h.name == host.name else h for h in self.project.hosts)
        self.project = replace(self.project, hosts=hosts)

    # --- a plan, and doing it -------------------------------------------------------------------------

    def converge(self, max_moves: int = 0) -> tuple[float, tuple[Step, ...]]:
        """Plan and do; the seconds of the plan and its steps."""
        observed, files = self.observed(), self.files()
        begun = time.process_time()
        desired = schedule(self.project, observed, policy=self.policy)
        if max_moves:
            desired = rebalance(self.project, observed, desired, max_moves, self.policy)
        changes = reconcile(self.project, desired, files, observed)
        steps = roll_out(self.project, changes, observed).steps
        seconds = time.process_time() - begun
        release = self.next_release(desired)
        for step in [*steps, *self._records(observed)]:
            self.do(step, files[step.host], release)
        self.release = release
        self.policy = NO_POLICY
        return seconds, steps

    def do(self, step: Step, files: HostFiles, release: Release) -> None:
        """A step that fails, or that needs a host that does not answer, violates a rule."""
        task = Task(step, files, release, files.specs[step.service].digest if step.service else "")
        try:
            outcomes = self.engines[step.host].perform([task], HOLD)
        except HostUnreachable as error:
            self.failed.append(f"{step.id}: {error.message}")
        else:
            self.failed += [f"{step.id}: {outcome.reason}" for outcome in outcomes if not outcome.ok]

    def _records(self, observed: Observed) -> Iterator[Step]:
        for name, seen in observed.items():
            if not isinstance(seen, Unreachable):
                yield Step(f"{name}/record", StepKind.RECORD, name, self.project.name, "every host remembers")

    def next_release(self, desired: Desired) -> Release:
        placements: dict[str, dict[str, int]] = {}
        for (service, host), count in desired.counts.items():
            placements.setdefault(service, {})[host] = count
        number = self.release.number + 1
        return Release(number, str(number), placements=placements)

    # --- what must hold ----------------------------------------------------------------------------------

    def violations(self) -> list[str]:
        """Every rule that does not hold on a host that answers, and what is missing or left to do."""
        found, self.failed = self.failed, []
        found += [problem for host in self.project.hosts for problem in self._violations_on(host)]
        observed = self.observed()
        desired = schedule(self.project, observed)
        again = reconcile(self.project, desired, self.files(), observed)
        found += [f"{c.service} on {c.host} still differs" for c in again if c.touched]
        totals = Counter[str]()
        for (service, _), count in desired.counts.items():
            totals[service] += count
        found += [
            f"{s.name}: {totals[s.name]}" for s in self.project.services if totals[s.name] != s.replicas
        ]
        return found

    def _violations_on(self, host: Host) -> Iterator[str]:
        held = self.held(host.name)
        if not self.engines[host.name].host.reachable:
            return
        if host.state is HostState.DRAIN and held:
            yield f"{host.name} is drained and holds {len(held)}"
        counts = Counter(container.service for container in held)
        for service in self.project.services:
            if counts[service.name] > (service.max_per_host or counts[service.name]):
                yield f"{host.name} holds too many of {service.name}"
            if counts[service.name] and not all(matches(c, host, FACTS) for c in service.constraints):
                yield f"{host.name} may not hold {service.name}"
        if sum(c.reserve.memory_bytes for c in held) > FACTS.memory_bytes:
            yield f"{host.name} is out of memory"
        if sum(c.reserve.cpus for c in held) > FACTS.cpus + 1e-6:
            yield f"{host.name} is out of CPUs"
        ports = [port for container in held for port in container.ports]
        if len(ports) != len(set(ports)):
            yield f"{host.name} has a port twice"

    def unevenness(self) -> tuple[int, int]:
        """Over hosts that may take anything: the most that one has above another, of a service and in all."""
        away = self.away
        hosts = [h.name for h in self.project.hosts if h.state is HostState.ACTIVE and h.name not in away]
        counts = {name: Counter(container.service for container in self.held(name)) for name in hosts}
        free = [s.name for s in self.project.services if not (s.constraints or s.spread)]
        per_service = max(
            max(counts[host][name] for host in hosts) - min(counts[host][name] for host in hosts)
            for name in free
        )
        totals = [sum(count.values()) for count in counts.values()]
        return per_service, max(totals) - min(totals)


def _engine(name: str) -> MemoryEngine:
    return MemoryEngine(MemoryHost(name, facts=FACTS))


def _look(engine: MemoryEngine) -> ObservedHost | Unreachable:
    try:
        return engine.observe()
    except HostUnreachable as error:
        return Unreachable(error.message)


def _definition(service: Service, specs: Mapping[str, Spec]) -> Mapping[str, object]:
    reserve = f"{service.reserve.cpus:g} {service.reserve.memory_bytes}"
    said = {labels.SPEC: specs[service.name].digest, labels.KEYS: "{}", labels.RESERVE: reserve}
    ports = [{"published": f"{port.first}-{port.last}"} for port in service.ports]
    return {"image": service.name, "labels": said, "ports": ports}


EVENTS: tuple[Callable[[Fleet], int], ...] = (
    Fleet.host_dies,
    Fleet.host_dies,
    Fleet.host_comes_back,
    Fleet.lost_host_is_replaced,
    Fleet.service_grows,
    Fleet.service_shrinks,
    Fleet.image_changes,
    Fleet.host_joins,
    Fleet.host_is_drained,
    Fleet.drained_host_returns,
    Fleet.containers_vanish,
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--replicas", type=int, default=2000)
    parser.add_argument("--events", type=int, default=96, help="one every quarter of an hour")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-moves", type=int, default=100, help="of the rebalance at the end of the day")
    options = parser.parse_args()
    gc.set_threshold(GC_THRESHOLD)
    fleet = Fleet(options.hosts, options.replicas, random.Random(options.seed))
    first, _ = fleet.converge()
    figures: dict[str, Figures] = {}
    violations = fleet.violations()
    for _ in range(options.events):
        event = fleet.chance.choice(EVENTS)
        of_kind = figures.setdefault(event.__name__.replace("_", " "), Figures())
        of_kind.fewest += event(fleet)
        seconds, steps = fleet.converge()
        starts = [step for step in steps if step.kind is StepKind.START]
        of_kind.seconds.append(seconds)
        of_kind.started += sum(step.count for step in starts if not step.replaces)
        of_kind.replaced += sum(step.count for step in starts if step.replaces)
        violations += fleet.violations()
    before = fleet.unevenness()
    seconds, steps = fleet.converge(max_moves=options.max_moves)
    moves = sum(step.count for step in steps if step.kind is StepKind.START)
    violations += fleet.violations()
    show(options, first, figures)
    service, total = fleet.unevenness()
    print(f"\nmost above another host, of a service and in all: {before[0]} and {before[1]}")
    print(f"after a rebalance of {moves} moves, planned in {seconds:.2f} s: {service} and {total}")
    print(f"violations: {len(violations)}")
    for violation in violations[:10]:
        print(f"  {violation}")


def show(options: argparse.Namespace, first: float, figures: dict[str, Figures]) -> None:
    fleet = f"{options.hosts:,} hosts, {options.replicas:,} replicas"
    print(f"{fleet}, {options.events} events, seed {options.seed}\nfirst plan: {first:.2f} s\n")
    titles = f"{'times':>6}{'median s':>10}{'worst s':>9}{'started':>9}{'fewest':>8}{'replaced':>10}"
    print(f"{'event':24}{titles}")
    for name, of_kind in sorted(figures.items()):
        times = of_kind.seconds
        print(
            f"{name:24}{len(times):>6}{statistics.median(times):>10.3f}{max(times):>9.3f}"
            f"{of_kind.started:>9}{of_kind.fewest:>8}{of_kind.replaced:>10}"
        )


if __name__ == "__main__":
    main()
