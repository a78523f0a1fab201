"""Crash-loop back-off for replicas, services and hosts.

A replica that fails by itself is repaired at once, then after 10 s, 20 s, … 5 min, and is forgiven when it
was well for 10 min. A service whose repair did not help is left alone by the same rule, and so is a host
that could not be prepared. A service has a budget of repairs. A host where many replicas failed is chosen
last. Time comes in as data, in seconds of any clock that never goes back.

Source: Kubernetes' CrashLoopBackOff for the times, SwarmKit for hosts with five failures in five minutes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from deploytool.model.backing_off import BackingOff, HostKey, ServiceKey, Slot
from deploytool.model.container import Container, ContainerState, Health
from deploytool.model.intent import Project
from deploytool.model.observed import ObservedHost

FIRST_DELAY_S, MOST_DELAY_S, FORGIVEN_AFTER_S = 10.0, 300.0, 600.0
BUDGET_WINDOW_S = 600.0
REPAIRS_PER_REPLICA, LEAST_REPAIRS = 10, 30
DOUBT_WINDOW_S, DOUBT_FAILURES = 300.0, 5

# SIGKILL and SIGTERM from outside, and what Docker notes when it was itself ended while a container ran.
_KILLED = (137, 143, 255)
_ENDED = (ContainerState.EXITED, ContainerState.DEAD, ContainerState.RESTARTING)


def next_delay(failures: int) -> float:
    """Seconds from a failure to the next try: none after the first, then 10 s, doubling to 5 min."""
    return 0.0 if failures <= 1 else float(min(MOST_DELAY_S, FIRST_DELAY_S * 2 ** min(failures - 2, 10)))


def budget(replicas: int, limit: int | None = None) -> int:
    """The number of repairs that a service may have in ``BUDGET_WINDOW_S``; ``limit``: the one asked for."""
    return max(LEAST_REPAIRS, REPAIRS_PER_REPLICA * replicas) if limit is None else limit


@dataclass(frozen=True, slots=True)
class Setback:
    """Failures in a row, the last one at ``at_s``. All is well since ``well_s``, or is not."""

    failures: int
    at_s: float
    why: str
    well_s: float | None = None

    @property
    def until_s(self) -> float:
        """Until when to leave it alone."""
        return self.at_s + next_delay(self.failures)

    def again(self, now_s: float, why: str) -> Setback:
        return Setback(self.failures + 1, now_s, why)

    def is_forgiven(self, now_s: float) -> bool:
        return self.well_s is not None and now_s - self.well_s >= FORGIVEN_AFTER_S


@dataclass(frozen=True, slots=True)
class History:
    """The recent failures. ``orphans``: setbacks of removed containers, which their successors take over.

    ``repairs`` and ``failure_times`` are the times of repairs by service, and of failures by host.
    """

    containers: Mapping[str, Setback] = field(default_factory=dict)
    orphans: Mapping[Slot, tuple[Setback, ...]] = field(default_factory=dict)
    services: Mapping[ServiceKey, Setback] = field(default_factory=dict)
    hosts: Mapping[HostKey, Setback] = field(default_factory=dict)
    repairs: Mapping[ServiceKey, tuple[float, ...]] = field(default_factory=dict)
    failure_times: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def looked(
        self,
        host_name: str,
        before: ObservedHost | None,
        after: ObservedHost,
        finishing: Collection[ServiceKey],
        now_s: float,
        stopping: Collection[str] = (),
    ) -> History:
        """A host was looked at. ``finishing`` are the services whose containers are meant to end with 0,
        ``stopping`` the ids of containers that are being stopped on purpose."""
        old, new = _ours(before), _ours(after)
        containers, orphans = dict(self.containers), dict(self.orphans)
        for gone in old.keys() - new.keys():
            if gone in containers:
                slot = _slot(old[gone], host_name)
                orphans[slot] = (*orphans.get(slot, ()), containers.pop(gone))
        failure_times = self.failure_times.get(host_name, ())
        for container_id in sorted(new, key=lambda key: new[key].number):
            container, known = new[container_id], old.get(container_id)
            slot = _slot(container, host_name)
            if known is None and orphans.get(slot):
                worst = max(orphans[slot], key=lambda setback: setback.failures)
                orphans[slot] = tuple(one for one in orphans[slot] if one is not worst)
                containers[container_id] = replace(worst, well_s=None)
            failure = "" if container_id in stopping else _failure(known, container, finishing)
            if failure:
                failure_times = (*failure_times, now_s)
                setback = containers.get(container_id, Setback(0, 0.0, ""))
                containers[container_id] = setback.again(now_s, failure)
            elif container_id in containers:
                containers[container_id] = _recovering(containers[container_id], container, now_s)
        return replace(
            self,
            containers={key: one for key, one in containers.items() if not one.is_forgiven(now_s)},
            orphans=_still_missed(orphans, now_s),
            failure_times={**self.failure_times, host_name: _recent(failure_times, now_s, DOUBT_WINDOW_S)},
        )

    def repaired(self, services: Iterable[ServiceKey], now_s: float) -> History:
        """Repairs were begun; a service is named once for each replica."""
        repairs = {key: _recent(times, now_s, BUDGET_WINDOW_S) for key, times in self.repairs.items()}
        for key in services:
            repairs[key] = (*repairs.get(key, ()), now_s)
        return replace(self, repairs={key: times for key, times in repairs.items() if times})

    def judged(self, bad: Mapping[ServiceKey, str], good: Collection[ServiceKey], now_s: float) -> History:
        """A repair has ended: what did not help, with the reason, and what did."""
        return replace(self, services=_judged(self.services, bad, good, now_s))

    def prepared(self, bad: Mapping[HostKey, str], good: Collection[HostKey], now_s: float) -> History:
        """Hosts could not be prepared for a project, with the reason, or could."""
        return replace(self, hosts=_judged(self.hosts, bad, good, now_s))

    def without(self, projects: Collection[str]) -> History:
        """Forget all about some projects: their files have changed."""
        return replace(
            self,
            containers={},  # ids say nothing about projects; what fails again is noted again
            orphans={key: one for key, one in self.orphans.items() if key[0] not in projects},
            services={key: one for key, one in self.services.items() if key[0] not in projects},
            hosts={key: one for key, one in self.hosts.items() if key[0] not in projects},
            repairs={key: one for key, one in self.repairs.items() if key[0] not in projects},
        )

    def over_budget(
        self, projects: Iterable[Project], now_s: float, limit: int | None
    ) -> Mapping[ServiceKey, float]:
        """Services that had all the repairs they may have, and when the next one is free."""
        found = {}
        for project in projects:
            for service in project.services:
                times = _recent(self.repairs.get((project.name, service.name), ()), now_s, BUDGET_WINDOW_S)
                most = budget(
                    max(service.replicas, len(project.hosts) if service.mode.is_global else 0), limit
                )
                if len(times) >= most:
                    found[project.name, service.name] = times[len(times) - most] + BUDGET_WINDOW_S
        return found

    def backing_off(self, projects: Iterable[Project], now_s: float, limit: int | None = None) -> BackingOff:
        """The replicas, services and hosts in back-off at this moment."""
        missing = {
            slot: sum(one.until_s > now_s for one in orphans) for slot, orphans in self.orphans.items()
        }
        spent = self.over_budget(projects, now_s, limit)
        return BackingOff(
            containers=frozenset(key for key, one in self.containers.items() if one.until_s > now_s),
            services=frozenset(spent) | {key for key, one in self.services.items() if one.until_s > now_s},
            hosts=frozenset(key for key, one in self.hosts.items() if one.until_s > now_s),
            missing={slot: number for slot, number in missing.items() if number},
        )

    def doubtful(self, now_s: float) -> frozenset[str]:
        """Hosts where many replicas failed lately."""
        return frozenset(
            host
            for host, times in self.failure_times.items()
            if len(_recent(times, now_s, DOUBT_WINDOW_S)) >= DOUBT_FAILURES
        )

    def wakes_s(self, projects: Iterable[Project], now_s: float, limit: int | None = None) -> float | None:
        """The end of the next back-off; None without one."""
        setbacks = [*self.containers.values(), *self.services.values(), *self.hosts.values()]
        setbacks += [one for orphans in self.orphans.values() for one in orphans]
        times = [one.until_s for one in setbacks] + list(self.over_budget(projects, now_s, limit).values())
        return min((time for time in times if time > now_s), default=None)


def _ours(host: ObservedHost | None) -> dict[str, Container]:
    found = host.containers if host else ()
    return {container.id: container for container in found if container.replica}


def _slot(container: Container, host_name: str) -> Slot:
    return container.project, container.service, host_name


def _failure(before: Container | None, now: Container, finishing: Collection[ServiceKey]) -> str:
    """The failure of a container since it was last seen; empty without one, or if it was killed."""
    if before is not None and _incarnation(before) == _incarnation(now):
        return ""
    if before is not None and now.restarts > before.restarts:
        return f"was restarted {now.restarts} times, the last time after exit code {now.exit_code}"
    if now.running:
        return "is unhealthy" if now.health == Health.UNHEALTHY else ""
    if now.state not in _ENDED:
        return ""
    if now.oom_killed:
        return "ran out of memory"
    meant = now.exit_code == 0 and (now.project, now.service) in finishing
    return "" if meant or now.exit_code in _KILLED else f"exited ({now.exit_code})"


def _incarnation(container: Container) -> tuple[object, ...]:
    health = container.health == Health.UNHEALTHY
    return container.started_s, container.restarts, container.state, container.exit_code, health


def _recovering(setback: Setback, container: Container, now_s: float) -> Setback:
    if not container.healthy:
        return replace(setback, well_s=None)
    return setback if setback.well_s is not None else replace(setback, well_s=now_s)


def _still_missed(
    orphans: Mapping[Slot, tuple[Setback, ...]], now_s: float
) -> dict[Slot, tuple[Setback, ...]]:
    """Setbacks that nobody took over are not kept for ever."""
    kept = {
        slot: tuple(one for one in all_of if now_s - one.at_s < FORGIVEN_AFTER_S + MOST_DELAY_S)
        for slot, all_of in orphans.items()
    }
    return {slot: left for slot, left in kept.items() if left}


def _recent(times: Iterable[float], now_s: float, window_s: float) -> tuple[float, ...]:
    return tuple(time for time in times if now_s - time < window_s)


def _judged(
    known: Mapping[tuple[str, str], Setback],
    bad: Mapping[tuple[str, str], str],
    good: Collection[tuple[str, str]],
    now_s: float,
) -> dict[tuple[str, str], Setback]:
    """A repair that did not help counts from the second delay on: it was tried once already."""
    kept = {key: one for key, one in known.items() if key not in good or key in bad}
    for key, why in bad.items():
        kept[key] = kept.get(key, Setback(1, 0.0, "")).again(now_s, why)
    return kept
