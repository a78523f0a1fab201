"""The definitions of the proxies' containers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploytool.backend.compose.envoy.metrics import metrics
from deploytool.backend.compose.envoy.names import FOLDER, watched
from deploytool.model import labels
from deploytool.model.ingress import HOLDER, INGRESS_PROJECT, PROXY
from deploytool.model.intent import Definition
from deploytool.model.inventory import Host


@dataclass(frozen=True, slots=True)
class ProxyDefinitions:
    """Implements ``model.intent.Definitions``. ``ports``, ``holders`` and ``old_kernels`` are by host.

    The holder has the network, the published ports and an Envoy without a task. The proxy shares its network,
    so that a new one can listen on the same ports beside the old one.
    """

    image: str
    metrics_port: int
    ports: Mapping[str, Sequence[int]]
    holders: Mapping[str, str]
    old_kernels: frozenset[str] = frozenset()

    def on(self, host: Host, placements: Mapping[str, tuple[str, ...]]) -> Definition:
        holder = self._holder(host.name)
        proxy = self._proxy(host, holder)
        return Definition(
            {HOLDER: holder, PROXY: proxy}, {"networks": {"default": {"name": INGRESS_PROJECT}}}
        )

    def _holder(self, host_name: str) -> dict[str, Any]:
        # When a proxy stops listening, connections that it has not accepted yet go to the one beside it.
        migrates = {} if host_name in self.old_kernels else {"sysctls": {"net.ipv4.tcp_migrate_req": "1"}}
        return {
            "image": self.holders.get(host_name, self.image),
            "entrypoint": ["/usr/local/bin/envoy"],
            "command": ["--config-yaml", "{}", "--disable-hot-restart", "--concurrency", "1"],
            "networks": {"default": {}},
            "ports": [
                {"target": port, "published": str(port), "protocol": "tcp"}
                for port in self.ports.get(host_name, ())
            ],
            **migrates,
            **_CONFINED,
        }

    def _proxy(self, host: Host, holder: Mapping[str, Any]) -> dict[str, Any]:
        """The proxy. Its socket is named by a hash of all other keys, so that old and new proxy have two."""
        nameless = json.dumps([self._proxy_at("", host), holder], sort_keys=True)
        return self._proxy_at(f"run/{hashlib.sha256(nameless.encode()).hexdigest()[:8]}.sock", host)

    def _proxy_at(self, socket: str, host: Host) -> dict[str, Any]:
        folder = f"{host.directory}/{INGRESS_PROJECT}"
        bootstrap = _bootstrap(host.name, f"{FOLDER}/{socket}", self.metrics_port)
        return {
            "image": self.image,
            "entrypoint": ["/usr/local/bin/envoy"],
            "command": [
                "--config-yaml",
                json.dumps(bootstrap, separators=(",", ":"), sort_keys=True),
                "--disable-hot-restart",
                # New endpoints of a TCP service, or new projects on a port, replace the listener, and Envoy
                # would end the connections of the old one after ten minutes.
                "--drain-strategy",
                "immediate",
                "--drain-time-s",
                "604800",
                "--log-level",
                "warning",
            ],
            "labels": {labels.ADMIN: socket},
            "network_mode": f"service:{HOLDER}",
            "volumes": [
                _bind(f"{folder}/xds", f"{FOLDER}/xds", read_only=True),
                _bind(f"{folder}/run", f"{FOLDER}/run", read_only=False),
            ],
            **_CONFINED,
        }


# Root without capabilities, except to read files that the SSH user owns and to listen on low ports.
_CONFINED = {
    "user": "0:0",
    "cap_drop": ["ALL"],
    "cap_add": ["DAC_OVERRIDE", "NET_BIND_SERVICE"],
    "security_opt": ["no-new-privileges:true"],
    "read_only": True,
    "restart": "always",
}


def _bind(source: str, target: str, *, read_only: bool) -> dict[str, Any]:
    mode = {"read_only": True} if read_only else {}
    return {"type": "bind", "source": source, "target": target, "bind": {"create_host_path": False}, **mode}


def _bootstrap(host_name: str, socket: str, metrics_port: int) -> dict[str, Any]:
    return {
        "node": {"id": host_name, "cluster": INGRESS_PROJECT},
        # In a folder that only the SSH user and root may enter.
        "admin": {"address": {"pipe": {"path": socket, "mode": 0o666}}},
        "static_resources": metrics(metrics_port, socket),
        "dynamic_resources": {"cds_config": watched("cds.json"), "lds_config": watched("lds.json")},
    }
