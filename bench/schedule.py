"""Time of a plan's decisions (schedule, reconcile, roll out), and its growth with the fleet.

    python bench/schedule.py                   1,000 hosts with 10,000 replicas, then ten times as much
    python bench/schedule.py --hosts 200       a smaller start
    python bench/schedule.py --python-gc       with Python's own garbage collection, not the command line's

All in this process, on generated fleets that are the same each time; no host is touched.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deploytool.cli import GC_THRESHOLD
from deploytool.core.change.reconcile import reconcile
from deploytool.core.change.rollout import roll_out
from deploytool.core.placement.schedule import schedule
from deploytool.model.container import Container
from deploytool.model.desired import Desired, HostFiles, Manifest, Spec
from deploytool.model.intent import Constraint, Definition, Port, Project, Resources, Service
from deploytool.model.inventory import Connection, Host, HostState
from deploytool.model.observed import Facts, Observed, ObservedHost, ProjectFolder, Unreachable
from deploytool.model.policies import Update
from deploytool.model.release import Release

SERVICES = 40
REPLICAS_PER_HOST = 10
FACTS = Facts(cpus=32.0, memory_bytes=64 << 30)


class NoDefinitions:
    """The decisions do not look at definitions."""

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
    update = Update(parallelism=10, order="start-first")
    plain = Service("", replicas=replicas // SERVICES, reserve=Resources(0.05, 128 << 20), update=update)
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
            label = f"{host}{name}{number}"
            container = Container(label, label, project="fleet", service=name, number=number, spec="1:a")
            held[host].append(replace(container, reserve=reserve[name]))
    folder = ProjectFolder("fleet", "sha", Release(1, "digest", placements=placements))
    answers = {host: ObservedHost(FACTS, tuple(found), {"fleet": folder}) for host, found in held.items()}
    return Observed(answers)


def files_of(project: Project, version: str = "1:a") -> dict[str, HostFiles]:
    """The rendered files of each host: all services in one version."""
    specs = {service.name: Spec(version, f"{service.name}:{version}") for service in project.services}
    return {host.name: HostFiles(Manifest(""), specs) for host in project.hosts}


Seconds = tuple[float, float, float]
Case = tuple[Project, Observed, Mapping[str, HostFiles]]


def decide(project: Project, observed: Observed, files: Mapping[str, HostFiles]) -> Seconds:
    """One plan; the seconds of its three parts."""
    marks = [time.process_time()]
    desired = schedule(project, observed)
    marks.append(time.process_time())
    changes = reconcile(project, desired, files, observed)
    marks.append(time.process_time())
    roll_out(project, changes, observed)
    marks.append(time.process_time())
    return marks[1] - marks[0], marks[2] - marks[1], marks[3] - marks[2]


def best_of(case: Case, repeat: int = 3) -> Seconds:
    """The run with the smallest sum."""
    runs = []
    for _ in range(repeat):
        gc.collect()
        runs.append(decide(*case))
    return min(runs, key=sum)


def every_20th_drained(project: Project) -> Project:
    hosts = enumerate(project.hosts)
    return replace(project, hosts=tuple(h if i % 20 else replace(h, state=HostState.DRAIN) for i, h in hosts))


def every_20th_lost(observed: Observed) -> Observed:
    hosts = enumerate(observed.items())
    return Observed({name: seen if i % 20 else Unreachable("no answer") for i, (name, seen) in hosts})


def half_as_many(project: Project) -> Project:
    services = (replace(service, replicas=service.replicas // 2) for service in project.services)
    return replace(project, services=tuple(services))


def cases(hosts: int) -> dict[str, Case]:
    """Events in a fleet of so many hosts, by name."""
    project = make_project(hosts)
    empty = observe(project, Desired("fleet", {}))
    full = observe(project, schedule(project, empty))
    files = files_of(project)
    return {
        "from nothing": (project, empty, files),
        "nothing to do": (project, full, files),
        "every image changed": (project, full, files_of(project, "1:b")),
        "every 20th host drained": (every_20th_drained(project), full, files),
        "every 20th host lost": (project, every_20th_lost(full), files),
        "half as many replicas": (half_as_many(project), full, files),
    }


def measure(hosts: int) -> dict[str, Seconds]:
    """Case → seconds of the three parts."""
    return {name: best_of(case) for name, case in cases(hosts).items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=1000, help="hosts of the smaller fleet")
    parser.add_argument("--python-gc", action="store_true", help="collect garbage as Python does by default")
    options = parser.parse_args()
    if not options.python_gc:
        gc.set_threshold(GC_THRESHOLD)
    sizes = (options.hosts, options.hosts * 10)
    small, large = map(measure, sizes)
    print(f"Seconds to plan {SERVICES} services (schedule + reconcile + roll out), best of 3\n")
    titles = [f"{n * REPLICAS_PER_HOST:,} on {n:,}" for n in sizes]
    print(f"{'replicas on hosts':24}{titles[0]:>30}{titles[1]:>30}{'growth':>8}")
    for name in small:
        one, ten = sum(small[name]), sum(large[name])
        print(f"{name:24}{_shown(small[name]):>30}{_shown(large[name]):>30}{ten / one:>8.1f}")


def _shown(parts: Seconds) -> str:
    return f"{sum(parts):.2f} ({' + '.join(f'{part:.2f}' for part in parts)})"


if __name__ == "__main__":
    main()
