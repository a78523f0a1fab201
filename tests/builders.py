"""Small fleets and projects for tests, and a run over them in memory."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from deploytool.backend.compose.render.renderer import ComposeRenderer
from deploytool.backend.hosts import HostsBackend
from deploytool.backend.memory.engine import MemoryEngine
from deploytool.backend.memory.host import Crash, Fault, MemoryHost, no_fault
from deploytool.model.event import Event, Report
from deploytool.model.intent import Definition, Intent, Project, Service
from deploytool.model.inventory import Connection, Host, HostState, Inventory
from deploytool.model.plan import Plan
from deploytool.model.policies import Update
from deploytool.model.release import Lease
from deploytool.plan.policy import PlanPolicy
from deploytool.run.converge import Run, RunOptions


@dataclass(frozen=True)
class SameEverywhere:
    """Definitions without templates: the same mapping on every host."""

    services: Mapping[str, Mapping[str, Any]]

    def on(self, host: Host, placements: Mapping[str, tuple[str, ...]]) -> Definition:
        return Definition(self.services)


def host(name: str, **fields: Any) -> Host:
    return Host(name, Connection(address=name), **fields)


def project(
    *services: Service, hosts: Iterable[Host], images: Mapping[str, str] | None = None, name: str = "shop"
) -> Project:
    """A project in which each service runs the image of its name, or of ``images``."""
    given = images or {}
    definitions = {s.name: {"image": given.get(s.name, f"demo/{s.name}:1")} for s in services}
    return Project(
        name=name,
        play=f"site.yaml: {name}",
        title=name,
        pattern="all",
        hosts=tuple(hosts),
        services=services,
        definitions=SameEverywhere(definitions),
    )


def intent(*projects: Project, hosts: Iterable[Host] = ()) -> Intent:
    known = {h.name: h for p in projects for h in p.hosts} | {h.name: h for h in hosts}
    return Intent(Inventory("hosts.yaml", known, {}), projects)


@dataclass
class Fleet:
    """Hosts in memory that outlive runs. ``fault`` is asked at every verb of every host."""

    hosts: dict[str, MemoryHost] = field(default_factory=dict)
    fault: Fault = no_fault
    engines: dict[str, MemoryEngine] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    runs: int = 0

    @classmethod
    def of(cls, *names: str) -> Fleet:
        return cls({name: MemoryHost(name) for name in names})

    def engine(self, host: Host) -> MemoryEngine:
        memory = self.hosts.setdefault(host.name, MemoryHost(host.name))
        self.engines[host.name] = MemoryEngine(memory, lambda *call: self.fault(*call))
        return self.engines[host.name]

    def backend(self) -> HostsBackend:
        return HostsBackend(self.engine, ComposeRenderer)

    def run(self, wanted: Intent, policy: PlanPolicy = PlanPolicy(), **options: Any) -> Run:
        self.runs += 1
        lease = options.pop("lease", Lease(owner=f"run-{self.runs}", who="tester"))
        run = Run(
            wanted,
            policy,
            self.backend(),
            lease,
            self.events.append,
            RunOptions(forks=4),
        )
        for name, value in options.items():
            setattr(run, name, value)
        return run

    def plan(self, wanted: Intent, policy: PlanPolicy = PlanPolicy()) -> Plan:
        return self.run(wanted, policy).plan()[0]

    def converge(self, wanted: Intent, policy: PlanPolicy = PlanPolicy(), **options: Any) -> Report:
        try:
            return self.run(wanted, policy, **options).converge()
        except Crash:
            _bury()
            raise

    def counts(self, service: str = "web") -> dict[str, int]:
        """Host → running containers of a service, without zeros."""
        counts = {
            name: sum(c.service == service and c.state == "running" for c in memory.containers)
            for name, memory in self.hosts.items()
        }
        return {name: count for name, count in counts.items() if count}

    def ids(self, service: str = "web") -> set[str]:
        return {c.id for m in self.hosts.values() for c in m.containers if c.service == service}

    def images(self, service: str = "web") -> set[str]:
        return {c.image for m in self.hosts.values() for c in m.containers if c.service == service}


def _bury() -> None:
    """Wait for what a run that died had under way: a dead process changes nothing later on."""
    for thread in threading.enumerate():
        if thread.name.startswith("step"):
            thread.join()


def any_update(chance: random.Random) -> Update:
    """A policy by chance, which does not watch what it started."""
    return Update(
        parallelism=chance.randint(0, 2),
        order=chance.choice(("start-first", "stop-first")),
        monitor_s=0,
        failure_action=chance.choice(("pause", "continue", "rollback")),
    )


def drained(drained_host: Host) -> Host:
    return replace(drained_host, state=HostState.DRAIN)
