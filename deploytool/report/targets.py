"""Where replicas can be reached from outside → Prometheus' file-based service discovery."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator

from deploytool.model.inventory import Host
from deploytool.model.observed import Container, Observed, ObservedHost
from deploytool.model.service import Project

_NO_NAME = re.compile(r"[^a-zA-Z0-9_]")


def targets_json(projects: Iterable[Project], observed: Observed, services: Collection[str] = ()) -> str:
    """A target for each TCP port of this host that a running replica publishes; ends with a line break.

    Labels say project, service, replica and host, and the host's own labels as ``host_NAME``. Only of
    ``services``, where any are given.
    """
    found = [entry for project in projects for entry in _targets(project, observed, services)]
    return json.dumps(found, indent=2) + "\n"


def _targets(project: Project, observed: Observed, services: Collection[str]) -> Iterator[dict[str, object]]:
    for host in sorted(project.hosts, key=lambda host: host.name):
        seen = observed.get(host.name)
        for container in seen.containers if isinstance(seen, ObservedHost) else ():
            mine = container.ours and container.project == project.name and not container.oneoff
            if mine and container.state == "running" and (not services or container.service in services):
                yield from _of_container(project, host, container)


def _of_container(project: Project, host: Host, container: Container) -> Iterator[dict[str, object]]:
    address = host.address or host.connection.address
    shown = f"[{address}]" if ":" in address else address
    labels = {f"host_{_NO_NAME.sub('_', name)}": value for name, value in sorted(host.labels.items())}
    labels |= {"project": project.name, "service": container.service, "host": host.name}
    labels["replica"] = container.name
    for port in sorted({port.port for port in container.ports if port.protocol == "tcp"}):
        yield {"targets": [f"{shown}:{port}"], "labels": dict(sorted(labels.items()))}
