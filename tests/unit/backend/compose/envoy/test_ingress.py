"""The parts that a project hands to the proxy of a host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from deploytool.backend.compose.envoy.parts import parts_digest
from deploytool.backend.compose.envoy.proxies import ProxyDefinitions
from deploytool.backend.compose.render.compose import host_files
from deploytool.backend.compose.render.stored_file import stored_definition, stored_service
from deploytool.core.ingress.offers import offered
from deploytool.errors import InputError, Place
from deploytool.model.desired import Desired
from deploytool.model.ingress import INGRESS_PROJECT, IngressKeys, Tls
from deploytool.model.intent import Definition, File, Port, Project, Service
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed
from tests.builders import host, project
from tests.unit.backend.compose.envoy.certificates import certificate

HOSTS = (host("h1", address="10.0.0.1"), host("h2", address="10.0.0.2"))
HTTP = (Port(8080, 80, 80, mode="ingress"),)
BOTH = (*HTTP, Port(8080, 443, 443, mode="ingress"))


def shop(exposure: IngressKeys = IngressKeys(), ports: tuple[Port, ...] = HTTP) -> Project:
    web = Service("web", replicas=2, ports=ports, exposure=exposure, place=Place("shop.yaml", 7))
    return project(web, hosts=HOSTS)


def parts(wanted: Project, where: Host = HOSTS[0]) -> dict[str, str]:
    """What the proxy of a host gets, by path."""
    offers = [one.offer for one in offered(wanted, Observed())]
    files = host_files(wanted, Desired("shop", {("web", "h1"): 1, ("web", "h2"): 1}), where, offers)
    return {file.path: file.content.decode() for file in files.ingress}


def routes(found: Mapping[str, str], path: str) -> list[Any]:
    lines = sorted(found[path].splitlines(), reverse=True)
    return [json.loads(line.partition("\t")[2]) for line in lines]


def test_a_service_has_all_replicas_in_front_and_its_own_behind_the_mesh_port() -> None:
    """No request goes round in a circle: what comes by the mesh port knows no other host."""
    found = parts(shop())
    front, local = (json.loads(line) for line in found["clusters/web~0"].splitlines())
    assert front["load_assignment"]["endpoints"] == [{"lb_endpoints": ["@ALL@"]}]
    assert local["load_assignment"]["endpoints"] == [{"lb_endpoints": ["@LOCAL@"]}]
    assert (front["type"], front["name"], local["name"]) == (
        "STRICT_DNS",
        "shop/web~0@GEN@",
        "shop/web~0.local@GEN@",
    )
    there = json.loads(found["remote/web~0/h2"])
    assert there["endpoint"]["address"]["socket_address"] == {"address": "10.0.0.2", "port_value": 15080}
    assert "remote/web~0/h1" not in found
    (mesh, _) = routes(found, "routes/15080/_")
    assert mesh["route"]["cluster"] == local["name"]
    assert mesh["match"]["headers"][0]["string_match"] == {"exact": "shop/web~0"}


def test_longer_paths_come_first_over_all_projects() -> None:
    """The host sorts the lines of all its projects by their keys."""
    keys = [
        parts(shop(IngressKeys(path=path)))["routes/80/_"].split("\t")[0] for path in ("/", "/api", "/api/v2")
    ]
    assert keys == sorted(keys)


def test_a_path_is_no_prefix_of_another_word() -> None:
    """/shop is not /shopping."""
    match = routes(parts(shop(IngressKeys(path="/shop/"))), "routes/80/_")[1]["match"]
    assert match == {"path_separated_prefix": "/shop"}


def test_only_methods_that_change_nothing_are_asked_twice() -> None:
    """A POST is tried elsewhere only when no replica has seen it."""
    safe, rest = routes(parts(shop()), "routes/80/_")
    assert "reset" in safe["route"]["retry_policy"]["retry_on"].split(",")
    assert rest["route"]["retry_policy"]["retry_on"] == "connect-failure,refused-stream,retriable-headers"


def test_a_first_request_gets_its_cookie_on_the_way() -> None:
    """The proxy of the next host has to choose by it, too; who has one keeps it."""
    known, _, fresh, _ = routes(parts(shop(IngressKeys(sticky=True))), "routes/80/_")
    assert "response_headers_to_add" not in known
    (sent,) = [h["header"] for h in fresh["request_headers_to_add"] if h["header"]["key"] == "cookie"]
    (told,) = [h["header"]["value"] for h in fresh["response_headers_to_add"]]
    assert told.startswith(f"{sent['value']};")


def test_tls_ends_on_every_port_but_80() -> None:
    """Port 80 sends on where it is told to; the certificate is a file of its own."""
    found = parts(secured(*certificate("shop.example.com")))
    (sent_on,) = routes(found, "routes/80/shop.example.com")
    assert sent_on["redirect"] == {"https_redirect": True}
    chain = json.loads(found["chains/443"])
    assert chain["filter_chain_match"] == {"server_names": ["shop.example.com"]}
    secret = json.loads(found["secrets/shop~crt~key"])
    assert secret["tls_certificate"]["private_key"]["inline_string"].startswith("-----BEGIN")
    assert "transport_socket" not in json.loads(found["chains/80"])


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        ((b"no", b"no"), "web: the secret 'crt' is no certificate in PEM"),
        ((certificate("a")[0], b"no"), "web: the secret 'key' is no private key in PEM"),
        ((certificate("a")[0], certificate("b")[1]), "web: the certificate 'crt' is not of the key 'key'"),
    ],
)
def test_a_certificate_that_envoy_would_refuse_is_an_error(pem: tuple[bytes, bytes], message: str) -> None:
    """Before any host is touched, with the place of the service, and without the secret's content."""
    with pytest.raises(InputError) as error:
        parts(secured(*pem))
    assert [(str(p.place), p.message) for p in error.value.problems] == [("shop.yaml:7", message)]


def secured(crt: bytes, key: bytes) -> Project:
    exposure = IngressKeys(domains=("shop.example.com",), tls=Tls("crt", "key"), redirect_https=True)
    files = (File("files/1/crt", crt, 0o600), File("files/2/key", key, 0o600))
    secrets = {file.path[8:]: {"file": f"/var/lib/deploytool/shop/{file.path}"} for file in files}
    definition = Definition({"web": {"image": "i"}}, {"secrets": secrets}, files)
    return replace(shop(exposure, BOTH), definitions=TypedVars(definition))


class TypedVars:
    """One definition for every host."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition

    def on(self, host: Host, placements: Mapping[str, tuple[str, ...]]) -> Definition:
        return self.definition


def test_equal_offers_are_an_equal_part() -> None:
    """The digest is what a host remembers: nothing to do where it is the same."""
    offers = [one.offer for one in offered(shop(), Observed())]
    desired = [Desired("shop", {("web", "h1"): n}) for n in (1, 2)]
    digests = [parts_digest(host_files(shop(), d, HOSTS[0], offers).ingress) for d in desired]
    assert digests[0] == digests[1] != ""
    assert parts_digest(()) == ""


def test_a_container_behind_ingress_publishes_nothing() -> None:
    """It is on the proxy's network beside its own, and says which ports it is reached at."""
    ports = [{"target": 8080, "published": "80", "mode": "ingress", "protocol": "tcp"}]
    body = {"image": "i", "ports": [*ports, {"target": 9090, "published": "9090", "protocol": "tcp"}]}
    wanted = replace(shop(), definitions=TypedVars(Definition({"web": body})))
    text = host_files(wanted, Desired("shop", {("web", "h1"): 1}), HOSTS[0]).manifest.text
    written = stored_definition(text, "h1")
    web = written.services["web"]
    assert [port["target"] for port in web["ports"]] == [9090]
    assert set(web["networks"]) == {"default", INGRESS_PROJECT}
    assert web["labels"] == {"deploytool.ingress.targets": "8080"}
    assert written.toplevel["networks"] == {INGRESS_PROJECT: {"external": True, "name": INGRESS_PROJECT}}


def test_a_release_remembers_what_it_offered() -> None:
    """Going back goes back to its paths and names, too, and makes the same containers."""
    ports = [{"target": 8080, "published": "80", "mode": "ingress", "protocol": "tcp"}]
    body = {"image": "i", "ports": ports, "x-ingress": {"host": ["a.example"], "health_path": "/up"}}
    exposure = IngressKeys(domains=("a.example",), health_path="/up")
    before = replace(shop(exposure), definitions=TypedVars(Definition({"web": body})))
    files = host_files(before, Desired("shop", {("web", "h1"): 1}), HOSTS[0])
    written = stored_definition(files.manifest.text, "h1")
    today = Service("web", ports=HTTP, exposure=IngressKeys(path="/other"))
    back = stored_service("web", written, today)
    assert (back.exposure, back.ports) == (before.services[0].exposure, HTTP)
    again = replace(before, services=(back,), definitions=TypedVars(written))
    assert host_files(again, Desired("shop", {("web", "h1"): 1}), HOSTS[0]).specs == files.specs


def test_a_proxy_shares_its_holders_network() -> None:
    """Another image is another proxy with another socket; the holder stays as it was made."""
    ports = {"h1": (80, 15080)}
    old = ProxyDefinitions("envoy:1", 15081, ports, {}).on(HOSTS[0], {})
    new = ProxyDefinitions("envoy:2", 15081, ports, {"h1": "envoy:1"}).on(HOSTS[0], {})
    assert new.services["net"] == old.services["net"]
    assert new.services["envoy"]["network_mode"] == "service:net"
    assert new.services["envoy"]["labels"] != old.services["envoy"]["labels"]
    assert [port["published"] for port in old.services["net"]["ports"]] == ["80", "15080"]
    on_old = ProxyDefinitions("envoy:1", 15081, ports, {}, frozenset(["h1"])).on(HOSTS[0], {})
    assert "sysctls" in old.services["net"]
    assert "sysctls" not in on_old.services["net"]


def test_connections_outlive_a_change_of_their_listener() -> None:
    """Other endpoints of a TCP service change its listener; Envoy ends what was there by its own clock."""
    proxy = ProxyDefinitions("envoy:1", 15081, {"h1": (80,)}, {}).on(HOSTS[0], {}).services["envoy"]
    command = proxy["command"]
    assert int(command[command.index("--drain-time-s") + 1]) == 7 * 86400


def test_a_limit_holds_for_connections_and_for_requests() -> None:
    """As many may wait; the rest is answered at once."""
    found = parts(shop(IngressKeys(max_requests=7)))
    for line in found["clusters/web~0"].splitlines():
        (limits,) = json.loads(line)["circuit_breakers"]["thresholds"]
        assert {limits[f"max_{name}"] for name in ("connections", "pending_requests", "requests")} == {7}
