"""Names and values that several parts of the configuration share."""

from __future__ import annotations

from typing import Any

from deploytool.model.ingress import IngressKeys

SERVICE_HEADER = "x-deploytool-service"
RETRY_HEADER = "x-deploytool-retry"
"""Header of an answer for which a proxy reached no replica: the calling proxy may try another host."""

STICKY_COOKIE = "deploytool-sticky"
FOLDER = "/etc/deploytool"
"""The project's folder inside the proxy's container: ``xds``, and ``run`` for the admin socket."""


def cluster_name(
    project: str, service: str, index: int, exposure: IngressKeys, *, local: bool = False
) -> str:
    """The name of a cluster, such as ``shop/web~0@GEN@``; the host replaces ``@GEN@`` by the generation."""
    kind = "" if exposure.is_http else ".tcp"
    return f"{project}/{service}~{index}{kind}{'.local' if local else ''}@GEN@"


def typed(message: str, **fields: Any) -> dict[str, Any]:
    """The configuration of an Envoy extension."""
    return {"@type": f"type.googleapis.com/envoy.extensions.{message}", **fields}


def watched(file: str) -> dict[str, Any]:
    """A configuration file that Envoy reads again after every rename in its folder."""
    source = {"path": f"{FOLDER}/xds/{file}", "watched_directory": {"path": f"{FOLDER}/xds"}}
    return {"path_config_source": source, "resource_api_version": "V3"}
