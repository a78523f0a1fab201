"""How long a schedule takes, and how that grows with the fleet.

    python bench/schedule.py                   1,000 hosts with 10,000 replicas, then ten times as much
    python bench/schedule.py --hosts 200       a smaller start

All in this process, on generated fleets that are the same each time; no host is touched.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from deploytool.core.schedule import schedule
from deploytool.model.desired import Desired
from deploytool.model.inventory import Connection, Host, HostState
from deploytool.model.observed import (
    Container,
    Facts,
    Observed,
    ObservedHost,
    ProjectFolder,
    Release,
    Unreachable,
)
from deploytool.model.service import Constraint, Definition, Port, Project, Resources, Service

SERVICES = 40
REPLICAS_PER_HOST = 10
MEMORY_BYTES = 64 << 30


class NoDefinitions:
    """The schedule does not look at definitions."""

    def on(self, host: Host, placements: Mapping[str, tuple[str, ...]]) -> Definition:
        return Definition({})


def make_hosts(number: int) -> tuple[Host, ...]:
    """Hosts in 20 racks and 4 zones."""
    return tuple(
        Host(f"h{i:05}", Connection(f"h{i}"), labels={"rack": f"r{i % 20:02}", "zone": f"z{i % 4}"})
        for i in range(number)
    )


Shape = Mapping[str, Any]


def make_services(replicas: int) -> tuple[Service, ...]:
    """Services of equal count: a quarter is spread over racks, others have constraints, ports, limits."""
    shapes: tuple[Shape, ...] = (
        {"spread": ("node.labels.zone", "node.labels.rack")},
        {"constraints": (Constraint("node.labels.zone", "!=", "z3"),), "max_per_host": 2},
        {"ports": (Port(80, 8000, 8031),)},
        {"reserve": Resources(0.1, 256 << 20)},
    )
    plain = Service("", replicas=replicas // SERVICES, reserve=Resources(0.05, 128 << 20))
    return tuple(replace(plain, name=f"s{i:02}", **shapes[i % len(shapes)]) for i in range(SERVICES))


def make_project(hosts: int) -> Project:
    services = make_services(hosts * REPLICAS_PER_HOST)
    return Project("fleet", "bench", "Fleet", "all", make_hosts(hosts), services, NoDefinitions())


def observe(project: Project, desired: Desired) -> Observed:
    """The fleet after ``desired`` was applied."""
    placements: dict[str, dict[str, int]] = {}
    held: dict[str, list[Container]] = {host.name: [] for host in project.hosts}
    reserve = {service.name: service.reserve for service in project.services}
    for (name, host), count in sorted(desired.counts.items(), key=lambda item: item[0][::-1]):
        placements.setdefault(name, {})[host] = count
        for number in range(count):
            container = Container(f"{host}{name}{number}", name, project="fleet", service=name, spec="1:a")
            held[host].append(replace(container, reserve=reserve[name]))
    folder = ProjectFolder("fleet", "sha", Release(1, "digest", placements=placements))
    facts = Facts(cpus=32.0, memory_bytes=MEMORY_BYTES)
    return {host: ObservedHost(facts, tuple(found), {"fleet": folder}) for host, found in held.items()}


def seconds(work: Callable[[], object], repeat: int = 3) -> float:
    """The best of a few runs."""
    best = float("inf")
    for _ in range(repeat):
        gc.collect()
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def every_20th_drained(project: Project) -> Project:
    hosts = enumerate(project.hosts)
    return replace(project, hosts=tuple(h if i % 20 else replace(h, state=HostState.DRAIN) for i, h in hosts))


def every_20th_lost(observed: Observed) -> Observed:
    hosts = enumerate(observed.items())
    return {name: seen if i % 20 else Unreachable("no answer") for i, (name, seen) in hosts}


def half_as_many(project: Project) -> Project:
    services = (replace(service, replicas=service.replicas // 2) for service in project.services)
    return replace(project, services=tuple(services))


def measure(hosts: int) -> dict[str, float]:
    """Case → seconds, for what may happen to a fleet of so many hosts."""
    project = make_project(hosts)
    empty = observe(project, Desired("fleet", {}))
    full = observe(project, schedule(project, empty))
    cases = {
        "from nothing": (project, empty),
        "nothing to do": (project, full),
        "every 20th host drained": (every_20th_drained(project), full),
        "every 20th host lost": (project, every_20th_lost(full)),
        "half as many replicas": (half_as_many(project), full),
    }
    return {name: seconds(partial(schedule, *case)) for name, case in cases.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=1000, help="hosts of the smaller fleet")
    hosts = parser.parse_args().hosts
    small, large = measure(hosts), measure(hosts * 10)
    titles = [f"{n * REPLICAS_PER_HOST:,} on {n:,}" for n in (hosts, hosts * 10)]
    print(f"Seconds to schedule {SERVICES} services, best of 3\n")
    print(f"{'replicas on hosts':26}{titles[0]:>20}{titles[1]:>20}{'growth':>10}")
    for name, one in small.items():
        print(f"{name:26}{one:>20.3f}{large[name]:>20.3f}{large[name] / one:>10.1f}")


if __name__ == "__main__":
    main()
