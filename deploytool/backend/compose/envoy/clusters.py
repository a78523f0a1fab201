"""Envoy clusters: the endpoints of one service, and how they are checked and balanced.

Each service behind ingress has two. The *front* cluster has the replicas of this host by container name, and
every other host by its mesh port. The *local* one, to which that port leads, has this host's replicas only,
so that no request is passed round in a circle.

The host replaces ``@LOCAL@`` and ``@ALL@`` by endpoints, and ``@GEN@`` by the generation of a cluster: other
endpoints make another cluster, so that the requests that are active in the older one can be counted down.

Source: Envoy's ``config.cluster.v3``.
"""

from __future__ import annotations

from typing import Any

from deploytool.backend.compose.envoy.names import SERVICE_HEADER, cluster_name, typed
from deploytool.model.ingress import IngressKeys, IngressProtocol


def front_cluster(project: str, service: str, index: int, exposure: IngressKeys) -> dict[str, Any]:
    """The cluster with the replicas of this host and with all other hosts."""
    return _cluster(
        cluster_name(project, service, index, exposure), "@ALL@", exposure, f"{project}/{service}"
    )


def local_cluster(project: str, service: str, index: int, exposure: IngressKeys) -> dict[str, Any]:
    """The cluster with the replicas of this host only."""
    name = cluster_name(project, service, index, exposure, local=True)
    return _cluster(name, "@LOCAL@", exposure, f"{project}/{service}.local")


def endpoint(address: str, port: Any, name: str, weight: Any) -> dict[str, Any]:
    """One endpoint of a cluster; ``weight`` is the number of replicas behind it."""
    return {
        "endpoint": {
            "address": {"socket_address": {"address": address, "port_value": port}},
            "hostname": name,
        },
        "load_balancing_weight": weight,
    }


def _cluster(name: str, endpoints: str, exposure: IngressKeys, stat_name: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "alt_stat_name": stat_name,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "1s",
        "ignore_health_on_host_removal": True,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoints]}]},
        "health_checks": [_health_check(exposure, name)],
        "outlier_detection": _OUTLIERS,
        "circuit_breakers": {"thresholds": [_limits(exposure.max_requests)]},
        "upstream_connection_options": {"tcp_keepalive": _KEEPALIVE},
        "upstream_bind_config": {"socket_options": [_USER_TIMEOUT]},
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        **_balancing(exposure),
        **_protocol(exposure),
    }


# A replica that answers with 500 is not ejected: the request itself may be the cause.
_OUTLIERS = {
    "split_external_local_origin_errors": True,
    "consecutive_local_origin_failure": 5,
    "consecutive_gateway_failure": 5,
    "enforcing_consecutive_gateway_failure": 100,
    "enforcing_consecutive_5xx": 0,
    "enforcing_success_rate": 0,
    "enforcing_local_origin_success_rate": 0,
    "interval": "2s",
    "base_ejection_time": "10s",
    "max_ejection_percent": 50,
    # A passing health check would otherwise end the ejection within two seconds.
    "successful_active_health_check_uneject_host": False,
}
# A dead host closes no connection: without these, requests that wait for its answer hang for hours, and those
# that are being sent for minutes (TCP_USER_TIMEOUT). With them it is detected in seven seconds.
_KEEPALIVE = {"keepalive_time": 5, "keepalive_interval": 2, "keepalive_probes": 3}
_USER_TIMEOUT = {"level": 6, "name": 18, "int_value": 5000, "state": "STATE_PREBIND"}


def _limits(most: int) -> dict[str, int]:
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), most)
    return {**limits, "max_retries": 256}


def _health_check(exposure: IngressKeys, name: str) -> dict[str, Any]:
    check: dict[str, Any] = {
        "timeout": "2s",
        "interval": "2s",
        "no_traffic_interval": "2s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    }
    if not exposure.health_path:
        return {**check, "tcp_health_check": {}}
    # Without a host name, Envoy would send that of the cluster, which servers refuse.
    named = next((domain for domain in exposure.domains if "*" not in domain), "deploytool.health")
    http = {
        "path": exposure.health_path,
        "request_headers_to_add": [service_header(name)],
        "expected_statuses": [{"start": 200, "end": 400}],
        "host": named,
        **({"codec_client_type": "HTTP2"} if _is_http2(exposure) else {}),
    }
    return {**check, "http_health_check": http}


def service_header(name: str) -> dict[str, Any]:
    """The header that names the service to the proxy of another host; one from the client is overwritten."""
    value = name.partition("@")[0]
    return {
        "header": {"key": SERVICE_HEADER, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _balancing(exposure: IngressKeys) -> dict[str, Any]:
    if not exposure.sticky:
        return {"lb_policy": "LEAST_REQUEST"}
    hashing = {"consistent_hashing_lb_config": {"use_hostname_for_hashing": True}}
    return {"lb_policy": "RING_HASH", "common_lb_config": {**_NO_PANIC, **hashing}}


_NO_PANIC = {"healthy_panic_threshold": {"value": 0}}


def _protocol(exposure: IngressKeys) -> dict[str, Any]:
    if not exposure.is_http:
        return {}
    version = "http2_protocol_options" if _is_http2(exposure) else "http_protocol_options"
    options = typed(
        "upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config={version: {}},
        # Many servers close connections that were idle for five seconds; a request at that moment is lost.
        common_http_protocol_options={"idle_timeout": "4s"},
    )
    return {
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        }
    }


def _is_http2(exposure: IngressKeys) -> bool:
    return exposure.protocol in (IngressProtocol.HTTP2, IngressProtocol.GRPC)
