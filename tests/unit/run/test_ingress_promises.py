"""What ingress promises in every update, on generated fleets in memory: some replica is always in reach.

Whatever is replaced, added, moved or taken away, every proxy that had a working replica to pass requests to
has one at every moment, as long as the update leaves one at work at all; and the update ends as desired.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import assume, given
from hypothesis import strategies as st

from deploytool.model.intent import Project
from deploytool.model.inventory import HostState
from deploytool.model.observed import Served
from tests.builders import Fleet, host, intent
from tests.unit.run.test_ingress import assert_true_endpoints, shop
from tests.unit.run.test_promises import thorough

ORDERS = st.sampled_from(("start-first", "stop-first"))


@dataclass(frozen=True)
class Case:
    """What runs, which replicas of it fail by (host, number, how), and what is wanted then."""

    before: Project
    broken: tuple[tuple[str, int, str], ...]
    wish: Project

    def fleet(self) -> Fleet:
        fleet = Fleet.of(*(h.name for h in self.before.hosts))
        assert fleet.converge(intent(self.before)).exit_code == 0
        for host_name, number, how in self.broken:
            memory = fleet.hosts[host_name]
            memory.containers = [
                c if (c.service, c.number) != ("web", number) else replace(c, **FAILURES[how])
                for c in memory.containers
            ]
        return fleet


FAILURES: dict[str, dict[str, object]] = {
    "ended": {"state": "exited", "exit_code": 1},
    "unhealthy": {"health": "unhealthy"},
}


@st.composite
def cases(draw: st.DrawFn, least: int = 1) -> Case:
    hosts = [host(f"h{number}") for number in range(draw(st.integers(2, 4)))]
    before = shop(draw(st.integers(1, 6)), hosts=hosts, order=draw(ORDERS))
    broken = draw(
        st.lists(
            st.tuples(
                st.sampled_from([h.name for h in hosts]), st.integers(1, 3), st.sampled_from(sorted(FAILURES))
            ),
            max_size=2,
            unique_by=lambda one: one[:2],
        )
    )
    away = draw(st.sampled_from([None, None, *hosts]))
    wish = shop(
        draw(st.integers(least, 6)),
        image=f"demo/web:{draw(st.integers(1, 2))}",
        hosts=[replace(h, state=HostState.DRAIN) if h is away else h for h in hosts],
        order=draw(ORDERS),
    )
    (web,) = wish.services
    web = replace(web, update=replace(web.update, parallelism=draw(st.integers(0, 2))))
    serial = draw(st.sampled_from(((), (), ("1",), ("50%",))))
    return Case(before, tuple(broken), replace(wish, services=(web,), serial=serial))


def working(fleet: Fleet, host_name: str) -> set[str]:
    return {c.name for c in fleet.hosts[host_name].containers if c.service == "web" and c.healthy}


def in_reach(fleet: Fleet, host_name: str) -> bool:
    """Whether the proxy of a host has a working replica to pass a request to, here or on another host."""

    def here(name: str) -> set[str]:
        served = fleet.hosts[name].served.get("shop", Served())
        return set(served.local.get("web", ())) & working(fleet, name)

    remote = fleet.hosts[host_name].served.get("shop", Served()).remote.get("web", {})
    return bool(here(host_name)) or any(here(other) for other, weight in remote.items() if weight)


@given(cases())
@thorough
def test_every_proxy_has_a_replica_in_reach_at_every_moment(case: Case) -> None:
    """Before and after each verb on each host, whatever failed before the update."""
    fleet = case.fleet()
    (web,) = case.wish.services
    there = sum(len(working(fleet, name)) for name in fleet.hosts)
    away = web.update.parallelism or web.replicas
    assume(min(there, web.replicas) > (away if web.update.order == "stop-first" else 0))
    assume(all(in_reach(fleet, name) for name in fleet.hosts))
    lost: list[tuple[str, str, str, str]] = []

    def watched(changing: str, verb: str, when: str) -> str:
        lost.extend((name, changing, verb, when) for name in fleet.hosts if not in_reach(fleet, name))
        return ""

    fleet.fault = watched
    assert fleet.converge(intent(case.wish)).exit_code == 0
    assert not lost
    assert all(in_reach(fleet, name) for name in fleet.hosts)


@given(cases(least=0))
@thorough
def test_whatever_failed_before_one_converge_ends_as_desired(case: Case) -> None:
    """Replicas that ended or are unhealthy stand in the way of nothing, down to no replica at all."""
    fleet = case.fleet()
    (web,) = case.wish.services
    report = fleet.converge(intent(case.wish))
    assert report.exit_code == 0, (report.failures, report.left)
    assert sum(fleet.counts().values()) == web.replicas
    assert_true_endpoints(fleet)
