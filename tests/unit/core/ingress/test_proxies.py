"""Proxies: the hosts that need one, and the ports that it publishes."""

from __future__ import annotations

from dataclasses import replace

from deploytool.core.ingress.proxies import concerned, proxies_of
from deploytool.model.container import Container, HostPort
from deploytool.model.ingress import INGRESS_PROJECT, Offer, ProxySettings, Served
from deploytool.model.intent import Intent, Service
from deploytool.model.inventory import HostState
from deploytool.model.observed import Facts, Observed, ObservedHost
from tests.builders import host, intent, project
from tests.unit.core.ingress.plays import HOSTS, problems, web


def test_plays_that_share_a_host_share_a_proxy() -> None:
    """Two plays cannot want different proxies."""
    other = replace(web("blog", port=81), proxy_settings=ProxySettings(image="other/envoy"))
    (said,) = problems(web(), other)
    assert "blog and shop want different proxies" in said


def test_a_port_that_something_else_holds_is_an_error() -> None:
    """A container that is not ours cannot be moved away."""
    foreign = Container("x", "nginx", ports=(HostPort(80),))
    (said,) = problems(web(), h1=ObservedHost(containers=(foreign,)))
    assert said == "shop.yaml:7: shop/web: port 80 of h1 is held by nginx"


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
