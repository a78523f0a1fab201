"""Who wants which port of which host, and where two wants exclude each other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from deploytool.core.ingress.offers import clashes, offered
from deploytool.core.ingress.proxies import concerned, proxies_of
from deploytool.errors import Place
from deploytool.model.container import Container, HostPort
from deploytool.model.ingress import INGRESS_PROJECT, IngressKeys, Offer, ProxySettings, Served, Tls
from deploytool.model.intent import Intent, Port, Project, Service
from deploytool.model.inventory import Host, HostState
from deploytool.model.observed import Facts, Observed, ObservedHost
from tests.builders import host, intent, project

HOSTS = (host("h1"), host("h2"))


def web(
    name: str = "shop",
    port: int = 80,
    hosts: Sequence[Host] = HOSTS,
    service: str = "web",
    **exposure: object,
) -> Project:
    ports = (Port(8080, port, port, mode="ingress"),)
    place = Place(f"{name}.yaml", 7)
    return project(
        Service(service, ports=ports, exposure=IngressKeys(**exposure), place=place), hosts=hosts, name=name
    )


def problems(*projects: Project, **observed: ObservedHost) -> list[str]:
    found = (clash.problem for clash in proxies_of(intent(*projects), Observed(observed)).clashes)
    return [f"{p.place}: {p.message}" for p in found]


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


def test_plays_that_share_a_host_share_a_proxy() -> None:
    """Two plays cannot want different proxies."""
    other = Project(**{**_fields(web("blog", port=81)), "proxy_settings": ProxySettings(image="other/envoy")})
    (said,) = problems(web(), other)
    assert "blog and shop want different proxies" in said


def test_a_port_that_something_else_holds_is_an_error() -> None:
    """A container that is not ours cannot be moved away."""
    foreign = Container("x", "nginx", ports=(HostPort(80),))
    (said,) = problems(web(), h1=ObservedHost(containers=(foreign,)))
    assert said == "shop.yaml:7: shop/web: port 80 of h1 is held by nginx"


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
    full = Project(**{**_fields(web(service="db", port=5432, protocol="tcp")), "proxy_settings": small})
    assert [clash.problem.message for clash in clashes(offered(full, Observed()))] == [
        "shop/db: the range of mesh_ports has no free port for it"
    ]


def test_every_host_of_the_play_has_a_proxy() -> None:
    """A drained or paused one, too: requests that reach it go to the others."""
    hosts = (host("h1"), host("h2", state=HostState.DRAIN))
    proxies = proxies_of(intent(web(hosts=hosts)), Observed())
    assert [(h.name, h.state) for h in proxies.hosts] == [("h1", HostState.ACTIVE), ("h2", HostState.ACTIVE)]
    assert proxies.ports == {"h1": (80, 15080, 15081), "h2": (80, 15080, 15081)}


def test_a_proxy_publishes_what_the_other_projects_of_its_host_need() -> None:
    """Also of projects that only the host knows, and only there."""
    theirs = ObservedHost(served={"blog": Served("d", (Offer("blog", "front", 81, mesh=15080),))})
    proxies = proxies_of(intent(web()), Observed({"h1": theirs}))
    assert proxies.ports == {"h1": (80, 81, 15080, 15081), "h2": (80, 15080, 15081)}


def test_a_holder_keeps_the_image_that_it_has() -> None:
    """So that another image replaces the proxy only, beside the old one."""
    holder = Container("x", "net-1", project=INGRESS_PROJECT, service="net", image="old/envoy", spec="1:x")
    assert proxies_of(intent(web()), Observed({"h1": ObservedHost(containers=(holder,))})).holders == {
        "h1": "old/envoy"
    }


def test_an_old_kernel_is_told() -> None:
    """Before Linux 5.14 a holder must not set what Docker would refuse; what is not known is new."""
    for kernel, old in (
        ("5.13.19-generic", True),
        ("4.19", True),
        ("5.14.0", False),
        ("6.1", False),
        ("", False),
    ):
        seen = Observed({"h1": ObservedHost(Facts(kernel=kernel))})
        assert proxies_of(intent(web()), seen).old_kernels == frozenset(["h1"] if old else [])


def test_a_run_without_ingress_leaves_the_proxies_alone() -> None:
    """Unless a host remembers that one of its projects had some."""
    plain = project(Service("web"), hosts=HOSTS)
    blog = Observed({"h1": ObservedHost(served={"blog": Served("d")})})
    assert not concerned(Intent(intent(plain).inventory, (plain,)), blog)
    assert concerned(intent(plain), Observed({"h1": ObservedHost(served={"shop": Served("d")})}))


def _fields(wanted: Project) -> dict[str, object]:
    return {name: getattr(wanted, name) for name in wanted.__dataclass_fields__}
