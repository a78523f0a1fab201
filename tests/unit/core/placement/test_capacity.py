"""CPUs and memory of a host, as the schedule counts them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.core.placement.schedule import Claim
from deploytool.errors import NoHost
from deploytool.model.desired import Desired
from deploytool.model.intent import Resources, Service
from deploytool.model.observed import Facts, ObservedHost
from tests.unit.core.placement.scheduling import EMPTY, HOSTS, scheduled, web
from tests.unit.core.strategies import M, make_container, make_host, make_project


def test_decimal_cpus_add_up() -> None:
    """Three reservations of 0.1 CPUs fit into 0.3."""
    project = make_project([make_host("h1", cpus=0.3)], [web(replicas=3, reserve=Resources(cpus=0.1))])
    assert scheduled(project, EMPTY)["web", "h1"] == 3


def test_declared_capacity_wins() -> None:
    """What the inventory declares counts, whatever the host reports."""
    observed = {"h1": ObservedHost(Facts(cpus=8, memory_bytes=1024 * M))}
    project = make_project([make_host("h1", memory_bytes=100 * M)], [web(reserve=Resources(8, 128 * M))])
    with pytest.raises(NoHost, match=r"1 host lacks 128M$"):
        scheduled(project, observed)


def test_plays_of_one_run_count_what_they_want() -> None:
    """What an earlier play wants counts, and what its containers reserve now does not."""
    hosts = tuple(replace(host, memory_bytes=256 * M) for host in HOSTS[:2])
    blog = make_project(hosts, [Service("x", reserve=Resources(memory_bytes=256 * M))], "blog")
    old = make_container("x", 1, project="blog", reserve=Resources(memory_bytes=256 * M))
    observed = {"h1": ObservedHost(containers=(old,)), "h2": ObservedHost()}
    shop = make_project(hosts, [web(reserve=Resources(memory_bytes=128 * M))])
    claim = Claim(blog, Desired("blog", {("x", "h2"): 1}))
    assert scheduled(shop, observed).counts == {("web", "h2"): 1}
    assert scheduled(shop, observed, claims=[claim]).counts == {("web", "h1"): 1}
