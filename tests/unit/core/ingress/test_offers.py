"""Who wants which port of which host, and where two wants exclude each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.core.ingress.offers import clashes, offered
from deploytool.core.ingress.proxies import proxies_of
from deploytool.model.ingress import Offer, ProxySettings, Served, Tls
from deploytool.model.observed import Observed, ObservedHost
from tests.builders import intent
from tests.unit.core.ingress.plays import HOSTS, problems, web


def test_two_host_names_share_a_port() -> None:
    """Other names, or other paths below the same name, exclude nothing; nor does any name beside one."""
    shop = web(domains=("shop.example.com",))
    assert problems(shop, web("blog", domains=("blog.example.com",))) == []
    assert problems(shop, web("blog", domains=("shop.example.com",), path="/blog")) == []
    assert problems(shop, web("blog")) == []
    assert problems(web(port=80), web("blog", port=81)) == []


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ({}, {}, "both for any host name and path /"),
        (
            {"domains": ("a.example", "b.example")},
            {"domains": ("b.example", "c.example")},
            "both for b.example and path /",
        ),
        ({"path": "/api"}, {"path": "/api/"}, "both for any host name and path /api/"),
        ({"protocol": "tcp"}, {"domains": ("a.example",)}, "with protocol tcp a port has one service only"),
        ({"tls": Tls("c", "k")}, {"domains": ("a.example",)}, "one with TLS and one without"),
        (
            {"tls": Tls("c", "k"), "domains": ("a.example", "b.example")},
            {"tls": Tls("c", "k"), "domains": ("b.example",), "path": "/blog"},
            "each shows a certificate of its own for b.example",
        ),
    ],
)
def test_a_clash_names_both(one: dict[str, object], other: dict[str, object], why: str) -> None:
    """The sentence has the place of one and the file of the other."""
    (said,) = problems(web(port=8080, **one), web("blog", port=8080, **other))
    assert said.startswith("blog.yaml:7: blog/web and shop/web (shop.yaml) both want port 8080: ")
    assert why in said


def test_a_clash_needs_a_host_that_both_answer_on() -> None:
    """Two plays on other hosts have nothing to do with each other."""
    assert problems(web(hosts=HOSTS[:1]), web("blog", hosts=HOSTS[1:])) == []


def test_what_a_host_remembers_of_another_playbook_clashes_too() -> None:
    """A project that is not in these files holds what it offers; its own memory does not clash with it."""
    theirs = ObservedHost(
        served={"blog": Served("d", (Offer("blog", "front", 80, mesh=15080, place="blog.yaml"),))}
    )
    (said,) = problems(web(), h1=theirs)
    assert said.startswith("shop.yaml:7: shop/web and blog/front (blog.yaml) both want port 80")
    assert problems(web("blog", service="front"), h1=theirs) == []


def test_tcp_services_keep_their_port_between_hosts() -> None:
    """HTTP shares the first of the range, TCP has one each, and a port that is known stays."""
    db = web(service="db", port=5432, protocol="tcp")
    assert [one.offer.mesh for one in offered(web(), Observed())] == [15080]
    assert [one.offer.mesh for one in offered(db, Observed())] == [15082]
    theirs = Served("d", (Offer("other", "db", 5433, "tcp", mesh=15082),))
    (fresh,) = offered(db, Observed({"h1": ObservedHost(served={"other": theirs})}))
    assert fresh.offer.mesh == 15083
    mine = {"shop": Served("d", (fresh.offer,)), "other": Served()}
    assert offered(db, Observed({"h1": ObservedHost(served=mine)}))[0].offer.mesh == 15083
    two = proxies_of(intent(db, web("blog", service="db", port=5433, protocol="tcp")), Observed())
    assert [offers[0].offer.mesh for offers in two.offers.values()] == [15082, 15083]


def test_a_range_that_is_full_is_an_error() -> None:
    """Nobody gets port 0."""
    small = ProxySettings(mesh=(15080, 15081))
    full = replace(web(service="db", port=5432, protocol="tcp"), proxy_settings=small)
    assert [clash.problem.message for clash in clashes(offered(full, Observed()))] == [
        "shop/db: the range of mesh_ports has no free port for it"
    ]
