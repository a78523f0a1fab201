"""The metrics port of a proxy: one path of its admin interface for Prometheus, and no other."""

from __future__ import annotations

from typing import Any

from deploytool.backend.compose.envoy.names import typed
from deploytool.model.ingress import METRICS_PATH

_HCM = "filters.network.http_connection_manager.v3.HttpConnectionManager"


def metrics(port: int, socket: str) -> dict[str, Any]:
    """Its listener and cluster, the same for all projects; ``socket`` is that of the admin interface."""
    route = {
        "match": {"path": METRICS_PATH, "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]},
        "route": {"cluster": "admin"},
    }
    router = {"name": "router", "typed_config": typed("filters.http.router.v3.Router")}
    manager = typed(
        _HCM,
        stat_prefix="metrics",
        route_config={"virtual_hosts": [{"name": "metrics", "domains": ["*"], "routes": [route]}]},
        http_filters=[router],
    )
    listener = {
        "name": "metrics",
        "address": {"socket_address": {"address": "::", "ipv4_compat": True, "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    endpoint = {"endpoint": {"address": {"pipe": {"path": socket}}}}
    cluster = {
        "name": "admin",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "admin", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    return {"listeners": [listener], "clusters": [cluster]}
