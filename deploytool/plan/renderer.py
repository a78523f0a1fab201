"""The seam to a backend's own formats: definitions and the schedule → the files of one host."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Protocol

from deploytool.core.ingress.proxies import Edge
from deploytool.model.desired import Desired, HostFiles, Manifest
from deploytool.model.ingress import Offer
from deploytool.model.intent import Definitions, Project
from deploytool.model.inventory import Host


class Renderer(Protocol):
    """Renders a project for one host. Pure: equal arguments, equal files."""

    def host_files(
        self, project: Project, desired: Desired, host: Host, offers: Sequence[Offer] = ()
    ) -> HostFiles:
        """The files of the project's folder on ``host``; none where no replica is scheduled.

        ``offers`` are the project's behind ingress: the proxy of every host gets its part of them.

        Raises:
            InputError: a template fails for this host.
        """
        ...

    def shown(self, manifest: Manifest, salt: bytes) -> str:
        """A host's definition as it may be shown: secrets masked with ``salt``, our own labels left out.

        Raises:
            InputError: it is no definition of ours.
        """
        ...

    def proxy_definitions(self, proxies: Edge) -> Definitions:
        """The definitions of the proxies' own containers."""
        ...


def release_digest(project: Project, desired: Desired, files: Mapping[str, HostFiles]) -> str:
    """The name of a whole release, 40 hex digits: the owning play, the schedule, and each host's file."""
    content = {
        "play": project.play,
        "counts": sorted([service, host, n] for (service, host), n in desired.counts.items() if n),
        "files": {host: files[host].manifest_digest for host in sorted(files)},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]
