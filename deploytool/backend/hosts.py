"""A ``Backend`` of single hosts, each with an ``Engine``, whose scheduler is deploytool itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from deploytool.backend.base import Attempt, Feed, LeaseClaim, Outcome, Task
from deploytool.backend.engine import Engine
from deploytool.errors import HostUnreachable, ManyProblems
from deploytool.model.container import ContainerEvent
from deploytool.model.desired import Desired, HostFiles, Manifest
from deploytool.model.event import Event, HostLooked, Looking
from deploytool.model.intent import Definitions, Intent, Project, Service
from deploytool.model.inventory import Host
from deploytool.model.log import Live, LogLine, LogQuery
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from deploytool.model.plan import Plan
from deploytool.model.release import StoredRelease
from deploytool.transport.base import Stream, Terminal
from deploytool.transport.futures import each

if TYPE_CHECKING:
    from deploytool.core.placement.schedule import Verdict
    from deploytool.plan.planner import Planner
    from deploytool.plan.policy import PlanPolicy
    from deploytool.plan.renderer import Renderer


class HostsBackend:
    """The backend with one engine a host, made by ``engine_of`` when the host is first used.

    ``renderer`` makes the renderer of the engines' file format. It is called, and planning is imported, only
    for the first plan: meanwhile the hosts are connected to and observed.
    """

    def __init__(self, engine_of: Callable[[Host], Engine], renderer: Callable[[], Renderer]) -> None:
        self._engine_of, self._renderer = engine_of, renderer
        self._engines: dict[str, Engine] = {}
        self._hosts: dict[str, Host] = {}

    @cached_property
    def _planner(self) -> Planner:
        from deploytool.plan.planner import Planner  # imported after the connections have begun: hides it

        return Planner(self._renderer())

    def plan(self, intent: Intent, observed: Observed, policy: PlanPolicy) -> Plan:
        return self._planner.plan(intent, observed, policy)

    def plan_each(
        self, intent: Intent, observed: Observed, policy: PlanPolicy
    ) -> tuple[Plan, dict[str, ManyProblems]]:
        return self._planner.plan_each(intent, observed, policy)

    def explain(
        self, intent: Intent, observed: Observed, policy: PlanPolicy, service: str
    ) -> list[tuple[Project, tuple[Verdict, ...]]]:
        return self._planner.explain(intent, observed, policy, service)

    def files(
        self, intent: Intent, observed: Observed, policy: PlanPolicy
    ) -> dict[tuple[str, str], HostFiles]:
        return self._planner.files(intent, observed, policy)

    def digest_of(self, project: Project, desired: Desired) -> str:
        return self._planner.digest_of(project, desired)

    def shown(self, manifest: Manifest, salt: bytes) -> str:
        return self._planner.renderer.shown(manifest, salt)

    def stored_definitions(self, manifests: Mapping[str, Manifest]) -> Definitions:
        return self._planner.renderer.stored_definitions(manifests)

    def stored_service(
        self, name: str, manifest: Manifest, host_name: str, current: Service | None
    ) -> Service:
        return self._planner.renderer.stored_service(name, manifest, host_name, current)

    def reach(self, hosts: Iterable[Host]) -> None:
        for host in hosts:
            self._engine(host)

    def begin(self, hosts: Iterable[Host]) -> None:
        for host in hosts:
            self._engine(host).begin()

    def observe(
        self, hosts: Mapping[str, Host], forks: int = 1, emit: Callable[[Event], None] | None = None
    ) -> Observed:
        self.reach(hosts.values())
        if hosts and emit:
            emit(Looking(tuple(hosts)))
        return Observed(each(hosts, lambda name: self._observe(name, emit), forks))

    def releases(self, host_name: str, project: str) -> Sequence[StoredRelease]:
        return self._engines[host_name].releases(project)

    def perform(self, tasks: Sequence[Task], claim: LeaseClaim) -> Sequence[Outcome]:
        return self._engines[tasks[0].step.host].perform(tasks, claim)

    def renew(self, host_name: str, project: str, claim: LeaseClaim) -> Outcome:
        return self._engines[host_name].renew(project, claim)

    def lock(self, host_name: str, project: str, claim: LeaseClaim) -> Outcome:
        return self._engines[host_name].lock(project, claim)

    def unlock(
        self, host_name: str, project: str, claim: LeaseClaim, attempt: Attempt | None = None
    ) -> Outcome:
        return self._engines[host_name].unlock(project, claim, attempt)

    def prune(self, host_name: str, project: str, claim: LeaseClaim) -> tuple[Outcome, Sequence[str]]:
        return self._engines[host_name].prune(project, claim)

    def forget(self, host_name: str, project: str, claim: LeaseClaim) -> Outcome:
        return self._engines[host_name].forget(project, claim)

    def events(self, host_name: str) -> Feed[ContainerEvent]:
        return self._engines[host_name].events()

    def logs(self, host_name: str, query: LogQuery) -> Feed[LogLine | Live]:
        return self._engines[host_name].logs(query)

    def exec(
        self, host_name: str, container_id: str, argv: Sequence[str], *, terminal: Terminal | None = None
    ) -> Stream:
        return self._engines[host_name].exec(container_id, argv, terminal=terminal)

    def differing(self, hosts: Mapping[str, Host]) -> list[str]:
        return [name for name, made in self._hosts.items() if _reached(made) != _reached(hosts.get(name))]

    def drop(self, host_name: str) -> Callable[[], None]:
        del self._hosts[host_name]
        return self._engines.pop(host_name).close

    def close(self, forks: int) -> None:
        each(self._engines, lambda name: self._engines[name].close(), forks)
        self._engines.clear()
        self._hosts.clear()

    def _engine(self, host: Host) -> Engine:
        if host.name not in self._engines:
            self._engines[host.name] = self._engine_of(host)
            self._hosts[host.name] = host
        return self._engines[host.name]

    def _observe(self, host_name: str, emit: Callable[[Event], None] | None) -> ObservedHost | Unreachable:
        begun = time.monotonic()
        seen: ObservedHost | Unreachable
        try:
            seen = self._engines[host_name].observe()
            looked = HostLooked(host_name, time.monotonic() - begun)
        except HostUnreachable as error:
            seen = Unreachable(error.message, error.hint, error.setup)
            looked = HostLooked(host_name, time.monotonic() - begun, seen.reason, seen.hint, seen.setup)
        if emit:
            emit(looked)
        return seen


def _reached(host: Host | None) -> object:
    return host and (host.connection, host.directory)
