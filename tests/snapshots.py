"""A watcher's snapshot of a small or a large fleet, with something of everything on it."""

from __future__ import annotations

from dataclasses import replace

from deploytool.model.event import Level
from deploytool.model.inventory import HostState
from deploytool.model.release import Lease, Release
from deploytool.model.snapshot import (
    Action,
    ReplicaState,
    Snapshot,
    WatchedHost,
    WatchedProject,
    WatchedReplica,
    WatchedService,
)

NOW_S = 1_795_615_690.0
STATES = (
    ReplicaState.HEALTHY,
    ReplicaState.HEALTHY,
    ReplicaState.STARTING,
    ReplicaState.HEALTHY,
    ReplicaState.UNHEALTHY,
    ReplicaState.RUNNING,
)
HOSTILE = "<img src=x onerror=alert(1)>\"'&\u202e</pre><script>alert(2)</script>"


def fleet(hosts: int = 4, replicas: int = 6, services: tuple[str, ...] = ("web", "cache")) -> Snapshot:
    """Converging towards nothing, with drift; the third host does not answer, the fourth is drained."""
    names = [f"h{number}" if hosts < 20 else f"node{number:03}.eu.example" for number in range(1, hosts + 1)]
    placed = [(service, k, names[k % hosts]) for service in services for k in range(replicas)]
    return Snapshot(
        version=3,
        now_s=NOW_S,
        ready=True,
        hosts=tuple(_host(name, number) for number, name in enumerate(names)),
        projects=(_project(names[0]),),
        services=tuple(_service(name, [host for s, _, host in placed if s == name]) for name in services),
        replicas=tuple(_replica(*one) for one in placed),
        actions=tuple(
            Action(NOW_S - 100 + 10 * number, text, names[0], "shop", "web", level)
            for number, (text, level) in enumerate(
                [
                    ("shop/web: starting 1", Level.INFO),
                    ("web-5 exited (137)", Level.WARNING),
                    ("lost", Level.ERROR),
                ]
            )
        ),
        last_success_s=NOW_S - 320,
    )


def hostile(snapshot: Snapshot) -> Snapshot:
    """The same with markup wherever a text can come from a file, a host or a container."""
    release = Release(12, "d", HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    project = WatchedProject(
        HOSTILE, HOSTILE, release, {HOSTILE: Lease("o", HOSTILE, HOSTILE)}, (HOSTILE,), HOSTILE
    )
    return replace(
        snapshot,
        problem=HOSTILE,
        hosts=(WatchedHost(HOSTILE, False, HOSTILE, state=HostState.PAUSE), WatchedHost("h", True)),
        projects=(project,),
        services=(
            WatchedService(
                HOSTILE, HOSTILE, {HOSTILE: 2, "h": 1}, image=HOSTILE, backoff_until_s=NOW_S + 9, why=HOSTILE
            ),
        ),
        replicas=(
            WatchedReplica(
                HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, ReplicaState.EXITED, NOW_S, why=HOSTILE
            ),
            WatchedReplica("2", HOSTILE, HOSTILE, HOSTILE, "h", ReplicaState.HEALTHY, NOW_S, why=HOSTILE),
        ),
        actions=(Action(NOW_S, HOSTILE, HOSTILE, HOSTILE, HOSTILE, Level.ERROR),),
    )


def _host(name: str, number: int) -> WatchedHost:
    if number == 2:
        return WatchedHost(name, False, "no answer within 10 s", NOW_S - 95, NOW_S - 95)
    return WatchedHost(
        name, True, looked_s=NOW_S, state=HostState.DRAIN if number == 3 else HostState.ACTIVE, follows=True
    )


def _project(host: str) -> WatchedProject:
    release = Release(12, "d", "site.yaml: Shop", "2026-11-25 13:50:18+00:00", "me@here", "0f3c9d1e77aa")
    lease = Lease("ci", "ci@runner", "converge")
    return WatchedProject("shop", "site.yaml: Shop", release, {host: lease}, ("web", "  + start 1"))


def _service(name: str, hosts: list[str]) -> WatchedService:
    counts = {host: hosts.count(host) for host in hosts}
    wanted = {**counts, hosts[0]: counts[hosts[0]] + 1} if name == "web" else counts
    return WatchedService("shop", name, wanted, counts, counts, f"registry.example.com/shop/{name}:1.4.2")


def _replica(service: str, k: int, host: str) -> WatchedReplica:
    state = STATES[k % len(STATES)]
    return WatchedReplica(
        id=f"{service}{k}",
        name=f"shop-{service}-{k + 1}",
        project="shop",
        service=service,
        host=host,
        state=state,
        since_s=NOW_S - 37 * (k + 1) ** 2,
        current=k != 1,
        restarts=2 if k == 4 else 0,
        why="connection refused" if state == "unhealthy" else "",
    )
