"""A day in the life of a fleet: hosts die and come back, services scale, images change, hosts join.

    python bench/fleet.py                                       200 hosts, 2,000 replicas, 96 events
    python bench/fleet.py --hosts 10000 --replicas 100000       a big one: takes a while
    python bench/fleet.py --seed 7

After every event a plan is made (schedule, reconcile, roll out) and all its steps are done on a model of
the hosts. It prints, for each kind of event, the time of a plan, and how many replicas were started
against the fewest that would do; then how even the fleet is, and how often a rule was violated.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from schedule import FACTS, NoDefinitions, make_hosts, make_services

from deploytool.cli import GC_THRESHOLD
from deploytool.core.constraints import matches
from deploytool.core.rebalance import rebalance
from deploytool.core.reconcile import reconcile
from deploytool.core.rollout import roll_out
from deploytool.core.schedule import NO_POLICY, SchedulePolicy, schedule
from deploytool.model.desired import Desired, HostFiles, Spec
from deploytool.model.inventory import Host, HostState
from deploytool.model.observed import (
    Container,
    HostPort,
    Observed,
    ObservedHost,
    ProjectFolder,
    Release,
    Unreachable,
)
from deploytool.model.plan import Step, StepKind
from deploytool.model.service import Project, Service

LOST = Unreachable("no answer")
REPLACED = SchedulePolicy(reschedule_unreachable=True)


@dataclass
class Figures:
    """Of one kind of event: seconds of each plan, replicas started, and the fewest that would do."""

    seconds: list[float] = field(default_factory=list)
    started: int = 0
    fewest: int = 0
    replaced: int = 0


class Fleet:
    """The hosts and what they hold. ``observed`` is kept up to date; who is ``away`` does not answer."""

    def __init__(self, hosts: int, replicas: int, chance: random.Random) -> None:
        services = make_services(replicas)
        self.project = Project("fleet", "bench", "Fleet", "all", make_hosts(hosts), services, NoDefinitions())
        self.chance = chance
        self.versions = {service.name: 1 for service in services}
        self.held: dict[str, list[Container]] = {host.name: [] for host in self.project.hosts}
        self.away: set[str] = set()
        self.folder = ProjectFolder("fleet", "sha", Release(0, ""))
        self.policy = NO_POLICY
        self.made = 0

    # --- what is seen and wanted --------------------------------------------------------------------

    def observed(self) -> Observed:
        folders = {"fleet": self.folder}
        return {
            name: LOST if name in self.away else ObservedHost(FACTS, tuple(held), folders)
            for name, held in self.held.items()
        }

    def files(self) -> dict[str, HostFiles]:
        specs = {name: Spec(f"1:{version}", name) for name, version in self.versions.items()}
        return dict.fromkeys(self.held, HostFiles("", specs))

    # --- events: each says how many replicas have to be started at least --------------------------------

    def host_dies(self) -> int:
        """It stays on paper: nothing is started for it."""
        self.away.add(self.pick(host for host in self.held if host not in self.away))
        return 0

    def lost_host_is_replaced(self) -> int:
        """A person says that what does not answer is gone; what it held is started elsewhere."""
        self.policy = REPLACED
        placements = self.folder.release.placements if self.folder.release else {}
        return sum(hosts.get(name, 0) for hosts in placements.values() for name in self.away)

    def host_comes_back(self) -> int:
        """With all that it held."""
        if self.away:
            self.away.remove(self.pick(self.away))
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
        self.held[host.name] = []
        return 0

    def host_is_drained(self) -> int:
        active = [h for h in self.project.hosts if h.state is HostState.ACTIVE and h.name not in self.away]
        host = active[self.chance.randrange(len(active))]
        self.set_host(replace(host, state=HostState.DRAIN))
        return len(self.held[host.name])

    def drained_host_returns(self) -> int:
        drained = [host for host in self.project.hosts if host.state is HostState.DRAIN]
        if drained:
            self.set_host(replace(drained[0], state=HostState.ACTIVE))
        return 0

    def containers_vanish(self) -> int:
        """Somebody removes some by hand."""
        host = self.pick(name for name, held in self.held.items() if held and name not in self.away)
        gone = self.chance.randint(1, len(self.held[host]))
        del self.held[host][:gone]
        return gone

    def pick(self, names: Iterator[str] | set[str]) -> str:
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
        begun = time.perf_counter()
        desired = schedule(self.project, observed, policy=self.policy)
        if max_moves:
            desired = rebalance(self.project, observed, desired, max_moves, self.policy)
        changes = reconcile(self.project, desired, files, observed)
        steps = roll_out(self.project, changes, observed).steps
        seconds = time.perf_counter() - begun
        services = {service.name: service for service in self.project.services}
        for step in steps:
            self.do(step, services.get(step.service))
        self.record(desired)
        self.policy = NO_POLICY
        return seconds, steps

    def do(self, step: Step, service: Service | None) -> None:
        assert step.host not in self.away, f"{step.id}: the host does not answer"
        held = self.held[step.host]
        if step.kind is StepKind.STOP:
            gone = {ref.id for ref in step.containers}
            assert gone <= {container.id for container in held}, step.id
            held[:] = [container for container in held if container.id not in gone]
        elif step.kind is StepKind.START and service:
            for _ in range(step.count):
                held.append(self.start(step.host, service))
            assert sum(c.service == step.service for c in held) == step.total, step.id

    def start(self, host_name: str, service: Service) -> Container:
        taken = {port.port for container in self.held[host_name] for port in container.ports}
        ports = tuple(
            HostPort(next(n for n in range(port.first, port.last + 1) if n not in taken))
            for port in service.ports
        )
        self.made += 1
        return Container(
            id=f"c{self.made}",
            name=f"c{self.made}",
            project="fleet",
            service=service.name,
            number=self.made,
            spec=f"1:{self.versions[service.name]}",
            reserve=service.reserve,
            ports=ports,
        )

    def record(self, desired: Desired) -> None:
        placements: dict[str, dict[str, int]] = {}
        for (service, host), count in desired.counts.items():
            placements.setdefault(service, {})[host] = count
        number = (self.folder.release.number if self.folder.release else 0) + 1
        self.folder = ProjectFolder("fleet", "sha", Release(number, str(number), placements=placements))

    # --- what must hold ----------------------------------------------------------------------------------

    def violations(self) -> list[str]:
        """Every rule that does not hold on a host that answers, and what is missing or left to do."""
        found = [problem for host in self.project.hosts for problem in self._violations_on(host)]
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
        held = self.held[host.name]
        if host.name in self.away:
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
        hosts = [
            h.name for h in self.project.hosts if h.state is HostState.ACTIVE and h.name not in self.away
        ]
        counts = {name: Counter(container.service for container in self.held[name]) for name in hosts}
        free = [s.name for s in self.project.services if not (s.constraints or s.spread)]
        per_service = max(
            max(counts[host][name] for host in hosts) - min(counts[host][name] for host in hosts)
            for name in free
        )
        totals = [sum(count.values()) for count in counts.values()]
        return per_service, max(totals) - min(totals)


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
