"""Envoy routes: from requests to services, each with a key that puts longer paths first.

Source: Envoy's ``config.route.v3``.
"""

from __future__ import annotations

from typing import Any

from deploytool.backend.compose.envoy.clusters import service_header
from deploytool.backend.compose.envoy.names import RETRY_HEADER, SERVICE_HEADER, STICKY_COOKIE, cluster_name
from deploytool.model.ingress import IngressKeys

_CONNECT = "connect-failure,refused-stream"
_SAFE = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD|OPTIONS"}}}


def front_routes(
    project: str, service: str, index: int, exposure: IngressKeys, https_port: int | None
) -> list[tuple[str, dict[str, Any]]]:
    """(key, route) for requests from clients; redirects to ``https_port`` where that is given."""
    match = _match(exposure.path)
    key = f"{len(exposure.path.rstrip('/')):05}"
    if https_port is not None:
        # The default port of https stays out of the address.
        port = {} if https_port == 443 else {"port_redirect": https_port}
        redirect = {"https_redirect": True, **port}
        return [(f"{key}0", {"match": match, "redirect": redirect})]
    name = cluster_name(project, service, index, exposure)
    action = {"cluster": name, "timeout": f"{exposure.timeout_s:g}s", **_sticky(exposure)}
    retry_on = f"{_CONNECT},retriable-headers"
    said = {"request_headers_to_add": [service_header(name)], "response_headers_to_remove": [RETRY_HEADER]}
    if not exposure.sticky:
        return _twice(f"{key}0", match, action, retry_on, said)
    known = {**match, "headers": [_HAS_COOKIE]}
    return [
        *_twice(f"{key}1", known, action, retry_on, said),
        *_twice(f"{key}0", match, action, retry_on, {**said, **_with_cookie(name)}),
    ]


def mesh_routes(
    project: str, service: str, index: int, exposure: IngressKeys
) -> list[tuple[str, dict[str, Any]]]:
    """(key, route) for requests from the proxies of other hosts."""
    said = cluster_name(project, service, index, exposure).partition("@")[0]
    match = {"prefix": "/", "headers": [{"name": SERVICE_HEADER, "string_match": {"exact": said}}]}
    name = cluster_name(project, service, index, exposure, local=True)
    action = {"cluster": name, "timeout": "0s", **_sticky(exposure)}
    return _twice("000000", match, action, _CONNECT, {"request_headers_to_remove": [SERVICE_HEADER]})


def _twice(
    key: str, match: dict[str, Any], action: dict[str, Any], retry_on: str, headers: dict[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """The route for methods that may be retried when a replica dies, and the one for all others."""
    safe = {**match, "headers": [*match.get("headers", ()), _SAFE]}
    return [
        (f"{key}{rank}", {"match": wanted, "route": {**action, "retry_policy": _retry(on)}, **headers})
        for rank, wanted, on in ((1, safe, f"{retry_on},reset"), (0, match, retry_on))
    ]


def _retry(retry_on: str) -> dict[str, Any]:
    return {
        "retry_on": retry_on,
        "num_retries": 3,
        "retriable_headers": [{"name": RETRY_HEADER, "present_match": True}],
        "retry_host_predicate": [_PREVIOUS],
        "host_selection_retry_max_attempts": 5,
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
    }


_PREVIOUS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    },
}


def _match(path: str) -> dict[str, Any]:
    """The match of a path and the paths below it: ``/shop`` and ``/shop/a``, not ``/shopping``."""
    below = path.rstrip("/")
    return {"path_separated_prefix": below} if below else {"prefix": "/"}


def _sticky(exposure: IngressKeys) -> dict[str, Any]:
    return {"hash_policy": [{"cookie": {"name": STICKY_COOKIE}}]} if exposure.sticky else {}


_HAS_COOKIE = {
    "name": "cookie",
    "string_match": {"safe_regex": {"regex": f"(.*; *)?{STICKY_COOKIE}=.*"}},
}


def _with_cookie(name: str) -> dict[str, Any]:
    """Gives a client without the cookie one; its first request gets it too, for the proxy of another host."""
    cookie = f"{STICKY_COOKIE}=%STREAM_ID%"
    return {
        "request_headers_to_add": [service_header(name), {"header": {"key": "cookie", "value": cookie}}],
        "response_headers_to_add": [
            {"header": {"key": "set-cookie", "value": f"{cookie}; Path=/; HttpOnly; SameSite=Lax"}}
        ],
    }
