"""Ports of a host, as the schedule counts them."""

from __future__ import annotations

import pytest

from deploytool.errors import NoHost
from deploytool.model.container import Container, HostPort
from deploytool.model.intent import Port, Project, Service
from deploytool.model.observed import ObservedHost
from tests.unit.core.placement.scheduling import EMPTY, HOSTS, explained, scheduled, web
from tests.unit.core.strategies import make_container, make_project


def ports_project(*ports: Port, replicas: int = 1) -> Project:
    return make_project(HOSTS[:1], [web(replicas=replicas, ports=ports)])


@pytest.mark.parametrize(
    ("wanted", "taken", "fits"),
    [
        (Port(80, 80, 80), HostPort(80), False),
        (Port(80, 80, 80), HostPort(81), True),
        (Port(80, 80, 80, "udp"), HostPort(80), True),
        (Port(80, 80, 80, ip="127.0.0.1"), HostPort(80), False),
        (Port(80, 80, 80, ip="127.0.0.1"), HostPort(80, ip="10.0.0.1"), True),
        (Port(80, 80, 80), HostPort(80, ip="127.0.0.1"), False),
        (Port(80, 80, 80), HostPort(80, ip="::"), False),
        (Port(80, 0, 0), HostPort(80), True),
        (Port(80, 80, 80, mode="ingress"), HostPort(80), True),
    ],
)
def test_ports_against_foreign_containers(wanted: Port, taken: HostPort, fits: bool) -> None:
    """A port clashes with the same one of the same protocol, where the addresses are equal or one is all."""
    observed = {"h1": ObservedHost(containers=(Container("f", "nginx", ports=(taken,)),))}
    verdict = explained(ports_project(wanted), observed, "web")[0]
    assert verdict.chosen == fits
    assert fits or verdict.text == "refused: has port 80 in use (by nginx)"


def test_a_stopped_foreign_container_holds_no_port() -> None:
    """Only what runs listens."""
    stopped = Container("f", "nginx", state="exited", ports=(HostPort(80),))
    observed = {"h1": ObservedHost(containers=(stopped,))}
    assert scheduled(ports_project(Port(80, 80, 80)), observed)["web", "h1"] == 1


def test_ports_of_one_replica_do_not_share_a_range() -> None:
    """Two published ranges that overlap leave room for half as many replicas."""
    project = ports_project(Port(80, 8000, 8003), Port(81, 8000, 8003), replicas=3)
    with pytest.raises(
        NoHost, match="web: 1 of 3 replicas has no host: 1 host has no free port in 8000-8003"
    ):
        scheduled(project, EMPTY)


def test_a_fixed_port_comes_before_a_range() -> None:
    """A range takes what the services with a certain port leave."""
    services = [Service("a", ports=(Port(80, 80, 81),)), Service("b", ports=(Port(80, 80, 80),))]
    assert scheduled(make_project(HOSTS[:1], services), EMPTY).counts == {("a", "h1"): 1, ("b", "h1"): 1}


def test_own_containers_do_not_block_their_ports() -> None:
    """A replica that holds the port already stays, also when its service has others to place."""
    running = make_container("web", 1, ports=(HostPort(80),))
    observed = {**EMPTY, "h1": ObservedHost(containers=(running,))}
    desired = scheduled(make_project(HOSTS, [web(replicas=2, ports=(Port(80, 80, 80),))]), observed)
    assert desired.counts == {("web", "h1"): 1, ("web", "h2"): 1}
