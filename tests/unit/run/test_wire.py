"""What a run costs on the wire: commands and bytes of each host, in the cases that matter.

Counts, not times, so that a busy machine changes nothing. ``UPDATE_GOLDENS=1`` writes the file anew.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.standin import CountingTransport, StandIn
from deploytool.backend.compose.engine import ComposeEngine
from deploytool.backend.compose.render.renderer import ComposeRenderer
from deploytool.backend.hosts import HostsBackend
from deploytool.backend.memory.host import MemoryHost
from deploytool.model.intent import Intent, Service
from deploytool.model.inventory import Host
from deploytool.model.policies import Update
from deploytool.model.release import Lease
from deploytool.plan.policy import PlanPolicy
from deploytool.run.converge import Run, RunOptions
from tests.builders import SameEverywhere, host, intent, project

GOLDEN = Path(__file__).parent / "goldens" / "wire.txt"
NAMES = [f"h{number}" for number in range(1, 9)]
ROLLED = Update(parallelism=4, order="start-first", monitor_s=0.0)


def web(replicas: int, version: str = "1") -> Intent:
    service = Service("web", replicas=replicas, update=ROLLED)
    wanted = project(service, hosts=[host(name) for name in NAMES])
    definition = {"image": "demo/web:1", "environment": {"VERSION": version}}
    return intent(replace(wanted, definitions=SameEverywhere({"web": definition})))


class Wire:
    """Eight simulated hosts that outlive runs."""

    def __init__(self) -> None:
        self.hosts = {name: MemoryHost(name) for name in NAMES}

    def converge(self, wanted: Intent) -> Mapping[str, CountingTransport]:
        """One run; host → what went over its transport."""
        counts = {name: CountingTransport(StandIn(host)) for name, host in self.hosts.items()}

        def engine(host: Host) -> ComposeEngine:
            return ComposeEngine(host.name, counts[host.name])

        lease = Lease(owner="run", who="tester")
        run = Run(
            wanted,
            PlanPolicy(),
            HostsBackend(engine, ComposeRenderer),
            lease,
            lambda event: None,
            RunOptions(forks=len(NAMES)),
        )
        assert run.converge().exit_code == 0
        return counts


def row(case: str, counts: Mapping[str, CountingTransport]) -> str:
    execs, sent, received = (
        max(getattr(count, what) for count in counts.values()) for what in ("execs", "sent", "received")
    )
    total = sum(count.execs for count in counts.values())
    return f"{case:28}{execs:>10}{total:>10}{_kib(sent):>10}{_kib(received):>10}\n"


def _kib(number: int) -> int:
    """Rounded up, so that a word more in a file is no news."""
    return -(-number // 1024)


def test_the_wire_costs_what_it_did() -> None:
    """Commands, and KiB without the scripts, of the busiest of eight hosts with three replicas each."""
    wire = Wire()
    text = f"{'case':28}{'execs':>10}{'of all':>10}{'sent':>10}{'received':>10}\n"
    text += row("first start", wire.converge(web(24)))
    text += row("nothing to do", wire.converge(web(24)))
    text += row("scale from 3 to 5", wire.converge(web(40)))
    text += row("one variable changed", wire.converge(web(40, version="2")))
    for name in NAMES[:2]:
        wire.hosts[name].containers.pop()
    text += row("lost on two hosts", wire.converge(web(40, version="2")))
    if os.environ.get("UPDATE_GOLDENS"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_budgets_of_commands_hold() -> None:
    """At most two commands a host with nothing to do, at most five for a first start."""
    wire = Wire()
    assert max(count.execs for count in wire.converge(web(24)).values()) <= 5
    assert max(count.execs for count in wire.converge(web(24)).values()) <= 2
