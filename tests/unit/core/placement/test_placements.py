"""Replicas that are seen, on paper, or only remembered by their data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.core.placement.schedule import SchedulePolicy
from deploytool.errors import NoHost
from deploytool.model.intent import Resources, Service
from deploytool.model.inventory import HostState
from deploytool.model.observed import ObservedHost, ProjectFolder
from tests.unit.core.placement.scheduling import EMPTY, HOSTS, holding, remembering, scheduled, web
from tests.unit.core.strategies import LOST, SHOP, M, make_container, make_project, make_release


def test_oneoffs_and_foreigners_are_no_replicas() -> None:
    """What `compose run` started, or another tool, or an earlier project of that name, does not count."""
    strangers = (
        make_container("web", 1, oneoff=True),
        make_container("web", 2, spec=""),
        make_container("web", 3, project="other"),
    )
    observed = {**EMPTY, "h2": ObservedHost(containers=strangers)}
    assert scheduled(make_project(HOSTS, [web()]), observed)["web", "h1"] == 1


def test_unhealthy_replicas_leave_first() -> None:
    """Of two replicas that are too many, those whose healthcheck fails go, wherever they are."""
    observed = holding(h1=2, h2=1, h3=1)
    sick = tuple(replace(c, health="unhealthy") for c in observed["h3"].containers)
    observed["h3"] = ObservedHost(containers=sick)
    desired = scheduled(make_project(HOSTS, [web(replicas=3)]), observed)
    assert desired.counts == {("web", "h1"): 2, ("web", "h2"): 1}


def test_paper_is_the_newest_release_of_any_host() -> None:
    """Hosts remember different releases after a partial run; the highest number counts."""
    folders = [ProjectFolder(SHOP, "", make_release(n, {("web", "h3"): n})) for n in (1, 2)]
    observed = {name: ObservedHost(projects={SHOP: f}) for name, f in zip(("h1", "h2"), folders, strict=True)}
    project = make_project(HOSTS, [web(replicas=2)])
    assert scheduled(project, {**observed, "h3": LOST}).counts == {("web", "h3"): 2}
    assert scheduled(project, {**observed, "h3": ObservedHost()}).hosts_of("web") == ("h1", "h2")


def test_paper_shrinks_only_with_the_total() -> None:
    """An unreachable host keeps its count until less is wanted than is on paper."""
    folders = remembering(web={"h1": 1, "h2": 2, "h3": 1})
    observed = {"h1": replace(holding(h1=1)["h1"], projects=folders), "h2": LOST, "h3": LOST}
    counts = [scheduled(make_project(HOSTS, [web(replicas=n)]), observed).counts for n in (3, 2)]
    assert counts == [{("web", "h2"): 2, ("web", "h3"): 1}, {("web", "h2"): 1, ("web", "h3"): 1}]


def test_a_host_that_was_not_looked_at_keeps_its_paper_whatever_the_policy() -> None:
    """Only a host that was asked and did not answer is replaced."""
    observed = {name: ObservedHost(projects=remembering(web={"h3": 1})) for name in ("h1", "h2")}
    policy = SchedulePolicy(reschedule_unreachable=True)
    project = make_project(HOSTS, [web()])
    assert scheduled(project, observed, policy=policy)["web", "h3"] == 1
    assert scheduled(project, {**observed, "h3": LOST}, policy=policy)["web", "h3"] == 0


def test_data_on_a_host_that_left_the_play_is_not_left_behind() -> None:
    """The newest release names the host, even where nothing of it is seen any more."""
    observed = {"h1": ObservedHost(projects=remembering(web={"gone": 1}))}
    project = make_project(HOSTS[:1], [web(volumes=("data",))])
    with pytest.raises(NoHost, match="data is on gone, which left the play"):
        scheduled(project, observed)
    desired = scheduled(project, observed, policy=SchedulePolicy(move_volumes=frozenset({"web"})))
    assert desired.counts == {("web", "h1"): 1}


def test_fewer_replicas_may_end_where_the_data_is_refused() -> None:
    """Scaling down takes the replica of a drained host: nothing has to move, so nothing is wrong."""
    hosts = (HOSTS[0], replace(HOSTS[1], state=HostState.DRAIN))
    project = make_project(hosts, [web(volumes=("data",))])
    assert scheduled(project, holding(h1=1, h2=1)).counts == {("web", "h1"): 1}


def test_data_keeps_its_room() -> None:
    """Where memory is short, the replica that cannot leave its data stays and the other one moves."""
    hosts = tuple(replace(host, memory_bytes=128 * M) for host in HOSTS[:2])
    reserve = Resources(memory_bytes=128 * M)
    services = [Service("a", reserve=reserve), Service("db", reserve=reserve, volumes=("data",))]
    both = (make_container("a", 1), make_container("db", 1))
    desired = scheduled(
        make_project(hosts, services), {"h1": ObservedHost(containers=both), "h2": ObservedHost()}
    )
    assert desired.counts == {("a", "h2"): 1, ("db", "h1"): 1}
