"""Envoy listeners: a head for each port, and its filter chains.

Source: Envoy's ``config.listener.v3``.
"""

from __future__ import annotations

from typing import Any

from deploytool.backend.compose.envoy.names import RETRY_HEADER, cluster_name, typed, watched
from deploytool.model.ingress import ANY_HOST, IngressKeys

_HCM = "filters.network.http_connection_manager.v3.HttpConnectionManager"


def head(port: int, *, tls: bool) -> dict[str, Any]:
    """A listener without its filter chains: the part that is the same for all projects of a host."""
    inspector = {"name": "tls", "typed_config": typed("filters.listener.tls_inspector.v3.TlsInspector")}
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": f"port-{port}",
        "address": {"socket_address": {"address": "::", "ipv4_compat": True, "port_value": port}},
        "socket_options": _KEEPALIVE,
        **({"listener_filters": [inspector]} if tls else {}),
    }


# Vanished clients close no connection, and quiet requests have no time limit.
# SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT.
_KEEPALIVE = [
    {"level": level, "name": name, "int_value": value}
    for level, name, value in ((1, 9, 1), (6, 4, 120), (6, 5, 30), (6, 6, 4))
]


def http_chain(port: int, *, mesh: bool = False) -> dict[str, Any]:
    """HTTP/1.1 and HTTP/2 by the routes of the port. A mesh port marks answers that are no replica's."""
    return {"filters": [{"name": "http", "typed_config": _manager(port, mesh=mesh, https=False)}]}


def https_chain(port: int, domain: str, secret: str) -> dict[str, Any]:
    """The same behind TLS, for one host name; ``secret`` is its file.

    Services that share a name and a certificate share the chain: Envoy refuses two for one name.
    """
    certificate = {"name": secret, "sds_config": watched(f"sds-{secret}.json")}
    context = typed(
        "transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificate_sds_secret_configs": [certificate],
        },
    )
    return {
        **({"filter_chain_match": {"server_names": [domain]}} if domain != ANY_HOST else {}),
        "filters": [{"name": "http", "typed_config": _manager(port, mesh=False, https=True)}],
        "transport_socket": {"name": "tls", "typed_config": context},
    }


def tcp_chain(project: str, service: str, index: int, exposure: IngressKeys, *, mesh: bool) -> dict[str, Any]:
    """Forwarding of TCP connections."""
    proxy = typed(
        "filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=f"tcp-{project}-{service}",
        cluster=cluster_name(project, service, index, exposure, local=mesh),
        max_connect_attempts=3,
        idle_timeout="0s",
    )
    return {"filters": [{"name": "tcp", "typed_config": proxy}]}


def _manager(port: int, *, mesh: bool, https: bool) -> dict[str, Any]:
    router = {"name": "router", "typed_config": typed("filters.http.router.v3.Router")}
    return typed(
        _HCM,
        stat_prefix=f"port-{port}",
        rds={"route_config_name": f"port-{port}", "config_source": watched(f"rds-port-{port}.json")},
        use_remote_address=not mesh,
        normalize_path=True,
        stream_idle_timeout="0s",  # the default ends quiet WebSockets and streams after five minutes
        server_header_transformation="PASS_THROUGH",
        upgrade_configs=[{"upgrade_type": "websocket"}],
        http_filters=[router],
        **({"local_reply_config": _NOT_REACHED, "xff_num_trusted_hops": 1} if mesh else {}),
    )


# UH: no healthy replica here; UF: no connection to any; UO: too many requests; NC, NR: the service is not
# here any more, or not yet. In all of these cases no replica has received the request.
_NOT_REACHED = {
    "mappers": [
        {
            "filter": {"response_flag_filter": {"flags": ["UH", "UF", "UO", "NC", "NR"]}},
            "headers_to_add": [{"header": {"key": RETRY_HEADER, "value": "1"}}],
        }
    ]
}
