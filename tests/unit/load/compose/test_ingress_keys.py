"""What a playbook says about ingress, and what contradicts itself."""

from __future__ import annotations

import pytest

from deploytool.model.ingress import DEFAULT_IMAGE, IngressKeys, ProxySettings, Tls
from deploytool.model.intent import Port
from tests.unit.load.playbooks import Site, play

PORT = 'ports: [{target: 8080, published: "80", mode: ingress}]'
BOTH = (
    'ports: [{target: 8080, published: "80", mode: ingress}, {target: 8080, published: "443", mode: ingress}]'
)
TLS = "tls: {certificate: cert, key: key}"
SECRETS = "secrets: {cert: {content: c}, key: {content: k}}"


def test_an_ingress_port_is_one_of_the_play(site: Site) -> None:
    """It is told from a port of a host, and needs nothing else to be said."""
    service = site.service(PORT)
    assert service.ports == (Port(8080, 80, 80, mode="ingress"),)
    assert service.exposure == IngressKeys()
    assert site.service('ports: ["80:8080"]').exposure is None
    assert site.service('ports: [{target: 8080, published: "80", mode: host}]').exposure is None


def test_x_ingress_says_what_reaches_the_service(site: Site) -> None:
    """Every key arrives, rendered with the variables of the play."""
    body = f"""
        {BOTH}
        x-ingress:
          host: ["shop.{{{{ region }}}}.example.com", "*.Example.org"]
          path: /shop
          protocol: grpc
          health_path: /up
          timeout: 1m30s
          sticky: true
          redirect_https: true
          max_requests: 100
          {TLS}
    """
    assert site.service(body, SECRETS).exposure == IngressKeys(
        domains=("*.example.org", "shop.eu.example.com"),
        path="/shop",
        protocol="grpc",
        health_path="/up",
        timeout_s=90.0,
        sticky=True,
        tls=Tls("cert", "key"),
        redirect_https=True,
        max_requests=100,
    )


def test_a_play_says_how_its_proxies_run(site: Site) -> None:
    """The image and the range between the hosts; both have a default."""
    assert site.project(play(PORT)).proxy_settings == ProxySettings(DEFAULT_IMAGE, (15080, 15179))
    given = site.project(
        play(PORT, "ingress: {image: my/envoy, mesh_ports: 20000-20009, drain: 1h}")
    ).proxy_settings
    assert (given.image, given.mesh, given.drain_s) == ("my/envoy", (20000, 20009), 3600)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x-ingress: {host: a.example}", "7:7 'web' has x-ingress, but no port in mode ingress"),
        (
            'ports: [{target: 80, published: "80-89", mode: ingress}]',
            "'mode' cannot be 'ingress' without one",
        ),
        (
            'ports: [{target: 80, published: "80", mode: ingress, protocol: udp}]',
            "cannot be 'ingress' for udp: only tcp is supported",
        ),
        (
            'ports: [{target: 80, published: "80", mode: ingress, host_ip: 127.0.0.1}]',
            "cannot be 'ingress' on one address only",
        ),
        (f"{PORT}\nx-ingress: {{hots: a}}", "unknown key 'hots' in x-ingress | did you mean 'host'?"),
        (f"{PORT}\nx-ingress: {{host: 'a b'}}", "'host' is no host name: 'a b'"),
        (f"{PORT}\nx-ingress: {{path: shop}}", "'path' is no path: 'shop'"),
        (f"{PORT}\nx-ingress: {{protocol: udp}}", "'protocol' cannot be 'udp'"),
        (f"{PORT}\nx-ingress: {{timeout: 3}}", "'timeout' is no duration"),
        (f"{PORT}\nx-ingress: {{max_requests: 0}}", "'max_requests' is no number of requests: 0"),
        (f"{PORT}\nx-ingress: {{tls: {{certificate: cert}}}}", "'tls' has no 'key'"),
        (f"{PORT}\nx-ingress: {{{TLS}}}", "web: 'tls' is given, but no ingress port speaks it"),
        (f"{PORT}\nx-ingress: {{redirect_https: true}}", "web: 'redirect_https' needs a port with TLS"),
        (f"{PORT}\nx-ingress: {{protocol: tcp, host: a}}", "web: 'host' has no meaning with protocol tcp"),
        (f"{BOTH}\nx-ingress: {{protocol: tcp, {TLS}}}", "web: 'tls' with protocol tcp is not supported yet"),
        (f"{PORT}\nnetwork_mode: host", "web: a port in mode ingress needs a network of Docker"),
        (f"{PORT}\ndeploy: {{mode: global-job}}", "web: a job cannot have a port in mode ingress"),
        (f"{BOTH}\nx-ingress: {{tls: {{certificate: crt, key: key}}}}", "the secret 'crt' is not defined"),
        (
            'ports: [{target: 80, published: "8443", mode: ingress, app_protocol: https}]',
            "web: app_protocol https needs x-ingress.tls",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(site: Site, body: str, expected: str) -> None:
    """Nothing that cannot be honoured is ignored in silence."""
    problems = site.problems(play(body, SECRETS))
    assert any(expected in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("top", "expected"),
    [
        ("ingress: {mtls: ca.pem}", "the authority 'ca.pem' cannot be read: No such file or directory"),
        ("ingress: {mesh_ports: '80'}", "'mesh_ports' is no range of two ports or more: '80'"),
        ("ingress: {drain: 5}", "'drain' is no duration"),
        ("ingress: {imgae: x}", "unknown key 'imgae' in ingress | did you mean 'image'?"),
        ("ingress: envoy", "'ingress' has to be a mapping, not text"),
    ],
)
def test_what_is_wrong_with_the_proxies(site: Site, top: str, expected: str) -> None:
    """A key of the play that means nothing, or nothing yet, is an error."""
    problems = site.problems(play(PORT, top))
    assert any(expected in problem for problem in problems), problems
