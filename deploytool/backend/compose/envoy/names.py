"""Names that two places of the configuration have to agree on."""

from __future__ import annotations

from typing import Any

from deploytool.model.ingress import IngressKeys

SERVICE_HEADER = "x-deploytool-service"
RETRY_HEADER = "x-deploytool-retry"
"""On an answer of a proxy that reached no replica: the proxy before it may try another host."""

STICKY_COOKIE = "deploytool-sticky"
FOLDER = "/etc/deploytool"
"""Where the proxy sees the edge's folder of the host: ``xds``, and ``run`` for its admin socket."""


def cluster_name(
    project: str, service: str, index: int, exposure: IngressKeys, *, local: bool = False
) -> str:
    """``shop/web~0@GEN@``; the host puts the generation in the place of ``@GEN@``."""
    kind = "" if exposure.is_http else ".tcp"
    return f"{project}/{service}~{index}{kind}{'.local' if local else ''}@GEN@"


def typed(message: str, **fields: Any) -> dict[str, Any]:
    """An Envoy extension's configuration."""
    return {"@type": f"type.googleapis.com/envoy.extensions.{message}", **fields}


def watched(file: str) -> dict[str, Any]:
    """A source of configuration that Envoy reads again whenever something is renamed in its folder."""
    source = {"path": f"{FOLDER}/xds/{file}", "watched_directory": {"path": f"{FOLDER}/xds"}}
    return {"path_config_source": source, "resource_api_version": "V3"}
