"""Published ports of replicas → Prometheus' file-based service discovery."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator

from deploytool.model.container import Container
from deploytool.model.ingress import HOLDER, INGRESS_PROJECT, METRICS_PATH, PROXY
from deploytool.model.intent import Project
from deploytool.model.inventory import Host
from deploytool.model.observed import Observed

_NO_NAME = re.compile(r"[^a-zA-Z0-9_]")


def targets_json(projects: Iterable[Project], observed: Observed, services: Collection[str] = ()) -> str:
    """A target for each TCP port of this host that a running replica publishes; ends with a line break.

    Labels say project, service, replica and host, and the host's own labels as ``host_NAME``. Only of
    ``services``, where any are given.
    """
    listed = list(projects)
    found = [entry for project in listed for entry in _targets(project, observed, services)]
    if not services or PROXY in services:
        found += _proxies(listed, observed)
    return json.dumps(found, indent=2) + "\n"


def _targets(project: Project, observed: Observed, services: Collection[str]) -> Iterator[dict[str, object]]:
    for host in sorted(project.hosts, key=lambda host: host.name):
        seen = observed.answered().get(host.name)
        for container in seen.containers if seen else ():
            mine = container.replica and container.project == project.name
            if mine and container.running and (not services or container.service in services):
                yield from _of_container(project, host, container)


def _proxies(projects: Iterable[Project], observed: Observed) -> Iterator[dict[str, object]]:
    """The metrics of the proxy of each host, once, whoever of the projects uses it."""
    ports = {
        host.name: (host, project.proxy_settings.metrics_port)
        for project in projects
        for host in project.hosts
    }
    for host_name, (host, port) in sorted(ports.items()):
        seen = observed.answered().get(host_name)
        for container in seen.containers if seen else ():
            holder = container.ours and container.of_ingress and container.service == HOLDER
            if holder and any(held.port == port for held in container.ports):
                labels = _labels(host, INGRESS_PROJECT, PROXY) | {"__metrics_path__": METRICS_PATH}
                yield {"targets": [_at(host, port)], "labels": dict(sorted(labels.items()))}


def _of_container(project: Project, host: Host, container: Container) -> Iterator[dict[str, object]]:
    labels = _labels(host, project.name, container.service) | {"replica": container.name}
    for port in sorted({port.port for port in container.ports if port.protocol == "tcp"}):
        yield {"targets": [_at(host, port)], "labels": dict(sorted(labels.items()))}


def _labels(host: Host, project: str, service: str) -> dict[str, str]:
    labels = {f"host_{_NO_NAME.sub('_', name)}": value for name, value in sorted(host.labels.items())}
    return labels | {"project": project, "service": service, "host": host.name}


def _at(host: Host, port: int) -> str:
    address = host.address or host.connection.address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
