"""``x-ingress`` of a service and ``ingress`` of a play: key tables, and contradictions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deploytool.errors import Place
from deploytool.load.compose.known_keys import Key, Normalized, State, key_place, section
from deploytool.load.compose.validators import (
    INVALID,
    Spot,
    Valid,
    count,
    duration,
    flag,
    list_of,
    non_empty,
    one_of,
    text,
)
from deploytool.load.text.located import Raw
from deploytool.load.text.problems import Problems
from deploytool.load.text.units import parse_duration
from deploytool.load.text.yaml_file import place_of
from deploytool.model.ingress import ANY_HOST, DEFAULT_MESH, IngressKeys, IngressProtocol, ProxySettings, Tls
from deploytool.model.intent import PortMode

DEFAULT_AUTHORITY = "ingress-ca.pem"
_DOMAIN = re.compile(r"\*|(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_MESH = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")


def _domain(value: Raw, spot: Spot) -> Valid:
    written = non_empty(value, spot)
    if written is INVALID or (_DOMAIN.fullmatch(written.lower()) and len(written) <= 253):
        return INVALID if written is INVALID else written.lower()
    return spot.wrong(f"is no host name: '{written:.60}'", 'write shop.example.com, "*.example.com" or "*"')


def _path(value: Raw, spot: Spot) -> Valid:
    written = non_empty(value, spot)
    if written is INVALID or re.fullmatch(r"/[^\s?#]*", written):
        return written
    return spot.wrong(f"is no path: '{written:.60}'", "a path begins with / and has no ? and no #")


def _health_path(value: Raw, spot: Spot) -> Valid:
    written = non_empty(value, spot)
    if written is INVALID or re.fullmatch(r"/[^\s#]*", written):
        return written
    return spot.wrong(f"is no path: '{written:.60}'", "a path begins with /")


def _most(value: Raw, spot: Spot) -> Valid:
    wanted = count(value, spot)
    if wanted is INVALID or 0 < wanted < 2**31:
        return wanted
    return spot.wrong(f"is no number of requests: {wanted}", "write 1 or more")


_TLS = {
    "certificate": Key(State.HONOURED, non_empty, "the name of a secret: the certificate and its chain, PEM"),
    "key": Key(State.HONOURED, non_empty, "the name of a secret: the private key, PEM"),
}


def _tls(value: Raw, spot: Spot) -> Valid:
    read = section(_TLS)(value, spot)
    missing = [key for key in _TLS if read is not INVALID and key not in value]
    if missing:
        return spot.wrong(f"has no '{missing[0]}'", "name two secrets: certificate and key")
    return read


INGRESS = {
    "host": Key(State.HONOURED, list_of(_domain, or_one=True), 'host names; default "*": any'),
    "path": Key(State.HONOURED, _path, "only requests below this path; default /"),
    "protocol": Key(
        State.HONOURED, one_of(*IngressProtocol), "http (default, WebSocket too), http2, grpc, tcp"
    ),
    "health_path": Key(State.HONOURED, _health_path, "what answers 2xx or 3xx when a replica is well"),
    "timeout": Key(State.HONOURED, duration, "of a whole request; default none"),
    "max_requests": Key(
        State.HONOURED, _most, "under way from one proxy, and as many may wait; more get 503; default 8192"
    ),
    "sticky": Key(State.HONOURED, flag, "keep a client on its replica, by a cookie"),
    "tls": Key(State.HONOURED, _tls, "end TLS here, on every ingress port but 80", keys=_TLS),
    "redirect_https": Key(State.HONOURED, flag, "send requests on the port without TLS to the one with it"),
}
ingress = section(INGRESS)


def ingress_keys_of(
    name: str, normalized: Normalized, place: Place, problems: Problems
) -> IngressKeys | None:
    """The ingress settings of a service with ingress ports; None where it has no such port."""
    written_keys = normalized.get("x-ingress")
    ports = [port for port in normalized.get("ports") or () if port.get("mode") == PortMode.INGRESS]
    at = key_place(normalized, "x-ingress", place)
    if not ports:
        if written_keys is not None:
            hint = 'write ports: [{target: 8080, published: "80", mode: ingress}]'
            problems.add(at, f"'{name}' has x-ingress, but no port in mode ingress", hint)
        return None
    keys = _ingress_keys(written_keys or {})
    for key, message, hint in _contradictions(keys, written_keys or {}, normalized, ports):
        in_ports = place_of(normalized, "ports", place)
        where = key_place(written_keys, key, at) if written_keys and key in written_keys else in_ports
        problems.add(where, f"{name}: {message}", hint)
    return keys


def _ingress_keys(written_keys: Normalized) -> IngressKeys:
    tls = written_keys.get("tls") or {}
    complete = {"certificate", "key"} <= set(tls)
    return IngressKeys(
        domains=tuple(sorted(set(written_keys.get("host") or (ANY_HOST,)))),
        path=str(written_keys.get("path", "/")),
        protocol=IngressProtocol(written_keys.get("protocol", IngressProtocol.HTTP)),
        health_path=str(written_keys.get("health_path", "")),
        timeout_s=parse_duration(written_keys.get("timeout", "0")),
        sticky=bool(written_keys.get("sticky")),
        tls=Tls(str(tls["certificate"]), str(tls["key"])) if complete else None,
        redirect_https=bool(written_keys.get("redirect_https")),
        max_requests=int(written_keys.get("max_requests", IngressKeys().max_requests)),
    )


Contradiction = tuple[str, str, str]
"""(key, what is wrong, the way out)."""


def _contradictions(
    keys: IngressKeys, written_keys: Normalized, normalized: Normalized, ports: list[Normalized]
) -> Iterator[Contradiction]:
    if "network_mode" in normalized:
        yield "ports", "a port in mode ingress needs a network of Docker", "leave network_mode out"
    if str((normalized.get("deploy") or {}).get("mode", "")).endswith("job"):
        yield "ports", "a job cannot have a port in mode ingress", "leave the port out"
    if not keys.is_http:
        yield from _contradictions_of_tcp(keys, written_keys)
    yield from _contradictions_of_tls(keys, ports)


def _contradictions_of_tcp(keys: IngressKeys, written_keys: Normalized) -> Iterator[Contradiction]:
    for key in ("host", "path", "health_path", "timeout", "sticky", "redirect_https"):
        if key in written_keys:
            yield key, f"'{key}' has no meaning with protocol tcp", "leave it out"
    if keys.tls:
        hint = "let the service end TLS itself, or use protocol http"
        yield "tls", "'tls' with protocol tcp is not supported yet", hint


def _contradictions_of_tls(keys: IngressKeys, ports: list[Normalized]) -> Iterator[Contradiction]:
    https = [port for port in ports if keys.ends_tls(int(port["published"]), port.get("app_protocol", ""))]
    if "https" in {port.get("app_protocol") for port in ports} and not keys.tls:
        yield "ports", "app_protocol https needs x-ingress.tls", "name the secrets with tls"
    if keys.tls and not https:
        hint = 'publish 443 too: {target: 8080, published: "443", mode: ingress}'
        yield "tls", "'tls' is given, but no ingress port speaks it", hint
    if keys.redirect_https and (not https or len(https) == len(ports)):
        hint = "publish 80 and 443, and give tls"
        yield "redirect_https", "'redirect_https' needs a port with TLS and one without", hint


def _mesh(value: Raw, spot: Spot) -> Valid:
    written = text(value, spot)
    match = _MESH.fullmatch(written) if written is not INVALID else None
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if match and 0 < first < last < 65536:
        return first, last
    return (
        INVALID
        if written is INVALID
        else spot.wrong(f"is no range of two ports or more: '{written:.20}'", "write 15080-15179")
    )


def _mtls(value: Raw, spot: Spot) -> Valid:
    """true or false, or the name of a file; normalized: the name, empty for false."""
    if isinstance(value, str) and value.strip().lower() not in ("true", "false", "yes", "no", "on", "off"):
        return non_empty(value, spot)
    wanted = flag(value, spot)
    return INVALID if wanted is INVALID else DEFAULT_AUTHORITY if wanted else ""


PLAY_INGRESS = {
    "image": Key(State.HONOURED, non_empty, "the image of Envoy"),
    "drain": Key(State.HONOURED, duration, "how long a replaced proxy may keep connections; default 15m"),
    "mesh_ports": Key(State.HONOURED, _mesh, "the range of ports between the hosts' proxies"),
    "mtls": Key(State.HONOURED, _mtls, "TLS between the hosts' proxies: true, or the file of an authority"),
}


def proxy_settings(value: Raw, spot: Spot) -> Valid:
    """A play's ``ingress`` as ``ProxySettings``."""
    read = section(PLAY_INGRESS)(value, spot)
    if read is INVALID:
        return INVALID
    image, mesh = read.get("image", ProxySettings().image), read.get("mesh_ports", DEFAULT_MESH)
    drain_s = parse_duration(read["drain"]) if "drain" in read else ProxySettings().drain_s
    return ProxySettings(str(image), mesh, drain_s, str(read.get("mtls", "")), place=spot.place)
