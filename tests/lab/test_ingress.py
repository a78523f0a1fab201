"""Ports of the whole play on real hosts, with a real proxy. The long proof is in test_ingress_proof.py."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.lab.labhosts import LabHosts
from tests.lab.traffic.clients import load
from tests.lab.traffic.site import Shop, give_images, shop
from tests.lab.user import ok
from tests.unit.backend.compose.envoy.certificates import certificate

UPDATED = {"count": 2, "tag": "2", "order": "stop-first", "parallel": 1, "grace": "4s"}


@pytest.fixture(scope="session")
def traffic(lab_hosts: LabHosts) -> None:
    """Every host has Envoy and the server."""
    give_images(lab_hosts)


def answers(user: Shop) -> list[str]:
    """The answer of each host on its port, in the order of hosts."""
    return [
        urllib.request.urlopen(f"http://{host}:{port}/", timeout=10).read().decode()
        for host, port in user.addresses
    ]


def test_a_play_answers_on_every_host_through_an_update(lab: LabHosts, traffic: None, tmp_path: Path) -> None:
    """Two replicas, three hosts: all answer, an update loses no request, and down leaves nothing.

    Also where a proxy is dead by then: there is nobody to wait for.
    """
    user = shop(lab, tmp_path)
    user.up(count=2)
    assert user.counts("shop") in ([1, 1, 0], [1, 0, 1], [0, 1, 1])
    assert all(said.startswith("traffic/web:1 on ") for said in answers(user))

    with load(user.addresses, pause_s=0.1) as tally:
        user.up(**UPDATED)
    assert not tally.failed, tally.reasons
    assert min(tally.good[kind] for kind in ("kept", "new", "slow")) > 3, tally.line()
    assert all(said.startswith("traffic/web:2 on ") for said in answers(user))

    plan = user.run("plan", lab.inventory, tmp_path / "site.yaml", "-e", json.dumps(UPDATED))
    assert "Nothing to do." in ok(plan).stdout
    assert_admin_is_out_of_reach(lab, user)

    (proxy,) = (c for c in lab.containers(lab.hosts[1], "deploytool-ingress") if c.service == "envoy")
    lab.exec(lab.hosts[1], "docker", "stop", "-t", "0", proxy.id)
    ok(user.run("down", lab.inventory, tmp_path / "site.yaml"))
    assert [lab.containers(host) for host in lab.hosts] == [(), (), ()]
    assert lab.exec(lab.hosts[0], "sh", "-c", "ls /var/lib/deploytool").split() == []


def assert_admin_is_out_of_reach(lab: LabHosts, user: Shop) -> None:
    """The proxy's admin interface is a socket in a folder that others may not enter, and no port at all."""
    host = lab.hosts[0]
    run = "/var/lib/deploytool/deploytool-ingress/run"
    assert lab.exec(host, "sh", "-c", f"stat -c %a {run}") == "700"
    (holder,) = (c for c in lab.containers(host, "deploytool-ingress") if c.service == "net")
    listening = lab.exec(host, "docker", "port", holder.id).split("\n")
    assert {line.partition("/")[0] for line in listening} == {"80", "15080", "15081"}
    for name in user.addresses:
        with pytest.raises(OSError), socket.create_connection((name[0], 9901), timeout=1):
            pass


MORE = """\
- name: Secure
  hosts: web
  ingress: {image: demo/envoy:1, mtls: true}
  secrets: {crt: {file: "{{ cert }}.crt"}, key: {file: "{{ cert }}.key"}}
  services:
    web:
      image: traffic/web:1
      ports:
        - {target: 8080, published: "80", mode: ingress}
        - {target: 8080, published: "8080", mode: ingress}
      x-ingress:
        host: shop.test
        health_path: /
        sticky: true
        timeout: 2s
        redirect_https: true
        tls: {certificate: crt, key: key}
      stop_grace_period: 2s
      deploy: {replicas: 4, update_config: {monitor: 1s}}
    api:
      image: traffic/web:2
      ports: [{target: 8080, published: "8080", mode: ingress}]
      x-ingress: {host: [shop.test, api.test], path: /api, tls: {certificate: crt, key: key}}
      stop_grace_period: 2s
- name: Plain
  hosts: web
  ingress: {image: demo/envoy:1, mtls: true}
  services:
    raw:
      image: traffic/web:1
      ports: [{target: 8080, published: "9000", mode: ingress}]
      x-ingress: {protocol: tcp}
      stop_grace_period: 2s
      deploy: {update_config: {monitor: 1s}}
    rpc:
      image: traffic/web:1
      ports: [{target: 8080, published: "80", mode: ingress}]
      x-ingress: {host: other.test, path: /ws}
      stop_grace_period: 2s
      deploy: {update_config: {monitor: 1s}}
"""


def test_tls_cookies_timeouts_and_tcp(lab: LabHosts, traffic: None, tmp_path: Path) -> None:
    """Two projects share a port; a certificate is renewed without a restart; a client keeps its replica.

    All that between hosts that show each other certificates: a mesh port does not talk to anybody else.
    """
    user = Shop(lab, tmp_path)
    user.write(MORE)
    for name in ("one", "two"):
        pem, key = certificate(f"{name}.test")
        (tmp_path / f"{name}.crt").write_bytes(pem)
        (tmp_path / f"{name}.key").write_bytes(key)
    user.up(cert="one")
    started = proxies(lab)
    secured = [("127.0.0.1", host.alt_http_port) for host in lab.all]
    assert [subject(address) for address in secured] == ["one.test"] * 3

    sent_on = ask(user.addresses[0], "/a?b", "shop.test", tls=False)
    assert (sent_on.status, sent_on.headers["location"]) == (301, "https://shop.test:8080/a?b")
    first = ask(secured[0], "/", "shop.test")
    cookie = first.headers["set-cookie"].partition(";")[0]
    said = [ask(address, "/", "shop.test", cookie=cookie).text for address in secured * 2]
    assert {first.text} == set(said)
    assert ask(secured[1], "/slow?5", "shop.test").status == 504
    assert ask(secured[2], "/api/a", "shop.test").text.startswith("traffic/web:2")
    assert ask(user.addresses[1], "/elsewhere", "other.test", tls=False).status == 404

    (address,) = lab.exec(lab.hosts[0], "hostname", "-i").split()
    tcp = lab.exec(lab.hosts[1], "perl", "-e", TCP, f"{address}:9000")
    assert tcp.startswith("HTTP/1.1 200 OK")
    assert (
        "HTTP/1.1 200"
        not in lab.try_exec(lab.hosts[1], "perl", "-e", TCP, f"{address}:15080").stdout.decode()
    )

    user.up(cert="two")
    assert [subject(address) for address in secured] == ["two.test"] * 3
    assert proxies(lab) == started


TCP = """
use IO::Socket::INET;
my $link = IO::Socket::INET->new(PeerAddr => $ARGV[0], Timeout => 5) or die $!;
print $link "GET / HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n";
print <$link>;
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


def ask(address: tuple[str, int], path: str, host: str, *, tls: bool = True, cookie: str = "") -> Answer:
    """One request by name; the certificate is nobody's."""
    if tls:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            *address, timeout=15, context=unverified()
        )
    else:
        connection = http.client.HTTPConnection(*address, timeout=15)
    connection.request("GET", path, headers={"Host": host, **({"Cookie": cookie} if cookie else {})})
    answer = connection.getresponse()
    return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())


def unverified() -> ssl.SSLContext:
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class NamedContext(ssl.SSLContext):
    """Asks for shop.test, whatever the address is called."""

    def wrap_socket(self, sock: socket.socket, *args: object, **options: object) -> ssl.SSLSocket:
        return super().wrap_socket(sock, server_hostname="shop.test")


def subject(address: tuple[str, int]) -> str:
    """The subject of the certificate that a port shows."""
    with socket.create_connection(address, timeout=10) as link, unverified().wrap_socket(link) as secured:
        pem = secured.getpeercert(binary_form=True)
    assert pem
    (name,) = x509.load_der_x509_certificate(pem).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def proxies(lab: LabHosts) -> dict[str, str]:
    """Host → the proxy's container."""
    return {
        host: container.id
        for host in lab.hosts
        for container in lab.containers(host, "deploytool-ingress")
        if container.service == "envoy"
    }
