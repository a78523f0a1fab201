"""Which replica a name means."""

from __future__ import annotations

import pytest

from deploytool.core.placement.replica_names import (
    ReplicaRef,
    choose,
    replicas,
    wanted_replica,
    wanted_services,
)
from deploytool.errors import UsageError
from deploytool.model.container import Container
from deploytool.model.intent import Service
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from tests.builders import host, intent, project

SHOP = project(Service("web"), Service("api"), hosts=[host("h1"), host("h2")])
BLOG = project(Service("web"), hosts=[host("h1")], name="blog")
ONE, BOTH = intent(SHOP), intent(SHOP, BLOG)


def replica(service: str, number: int, state: str = "running", **fields: object) -> Container:
    name = f"shop-{service}-{number}"
    return Container(
        name, name, state=state, project="shop", service=service, number=number, spec="s", **fields
    )


SEEN = Observed(
    {
        "h2": ObservedHost(containers=(replica("web", 2, health="unhealthy"), replica("web", 1, "exited"))),
        "h1": ObservedHost(
            containers=(
                replica("web", 10, health="starting"),
                replica("web", 9),
                replica("api", 1),
                Container("x", "not-ours", project="shop", service="web"),
            )
        ),
        "h3": Unreachable("no answer"),
    }
)


def test_replicas_are_counted_by_host_and_container_number() -> None:
    """Over all hosts; what is not ours, or a one-off, does not count."""
    assert [(r.name, r.host, r.container.number) for r in replicas(SEEN)] == [
        ("api/1", "h1", 1),
        ("web/1", "h1", 9),
        ("web/2", "h1", 10),
        ("web/3", "h2", 1),
        ("web/4", "h2", 2),
    ]
    assert replicas(SEEN, ["blog"]) == ()


def test_any_replica_is_the_first_healthy_one() -> None:
    """Or else one that runs."""
    there = replicas(SEEN)
    assert choose(ReplicaRef("shop", "web"), there).name == "web/1"
    assert choose(ReplicaRef("shop", "web"), there[2:]).name == "web/2"
    assert choose(ReplicaRef("shop", "web", 4), there).host == "h2"


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (ReplicaRef("shop", "web", 5), "web has no replica 5, only 4"),
        (ReplicaRef("shop", "web", 3), "web does not run: web/3 on h2 is exited"),
        (ReplicaRef("blog", "web"), "no replica of web is on a host that answered"),
    ],
)
def test_what_cannot_be_chosen_is_said(wanted: ReplicaRef, sentence: str) -> None:
    """With what there is."""
    with pytest.raises(UsageError, match=sentence):
        choose(wanted, replicas(SEEN))


def test_a_name_may_have_a_number_and_a_project() -> None:
    """In any combination that means one service."""
    assert wanted_replica("web", ONE) == ReplicaRef("shop", "web")
    assert wanted_replica("web/3", ONE) == ReplicaRef("shop", "web", 3)
    assert wanted_replica("blog/web", BOTH) == ReplicaRef("blog", "web")
    assert wanted_replica("shop/web/2", BOTH) == ReplicaRef("shop", "web", 2)


@pytest.mark.parametrize(
    ("name", "sentence", "hint"),
    [
        ("web", "several projects have a service 'web'", "shop/web, blog/web"),
        ("wbe", "there is no service 'wbe'", "did you mean 'web'"),
        ("wbe/2", "there is no service 'wbe'", "did you mean 'web'"),
        ("zzz", "there is no service 'zzz'", "there are api, web"),
        ("shp/web", "there is no service 'web' in project 'shp'", "did you mean 'shop/web'"),
        ("web/0", "counted from 1", ""),
        ("", "there is no service ''", "there are"),
    ],
)
def test_a_wrong_name_is_an_error_with_the_nearest(name: str, sentence: str, hint: str) -> None:
    """Said before any host is contacted."""
    with pytest.raises(UsageError, match=sentence) as caught:
        wanted_replica(name, BOTH)
    assert hint in caught.value.hint


def test_no_service_means_all_and_a_name_all_that_have_it() -> None:
    """Each once."""
    assert wanted_services([], ONE) == (ReplicaRef("shop", "web"), ReplicaRef("shop", "api"))
    assert wanted_services(["web", "shop/web"], BOTH) == (
        ReplicaRef("shop", "web"),
        ReplicaRef("blog", "web"),
    )
