"""The interface to a backend's file formats: definitions and the schedule → the files of one host."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Protocol

from deploytool.core.ingress.proxies import Proxies
from deploytool.model.desired import Desired, HostFiles
from deploytool.model.ingress import Offer
from deploytool.model.intent import Definitions, Project
from deploytool.model.inventory import Host
from deploytool.plan.manifest_reader import ManifestReader


class Renderer(ManifestReader, Protocol):
    """The renderer of one file format. Pure: equal arguments give equal files."""

    def host_files(
        self, project: Project, desired: Desired, host: Host, offers: Sequence[Offer] = ()
    ) -> HostFiles:
        """The files of the project's folder on ``host``; without a manifest where no replica is scheduled.

        ``offers``: the project's services behind ingress, for the configuration of the host's proxy.

        Raises:
            InputError: a template fails for this host.
        """
        ...

    def proxy_definitions(self, proxies: Proxies) -> Definitions:
        """The definitions of the project of the proxies."""
        ...


def release_digest(project: Project, desired: Desired, files: Mapping[str, HostFiles]) -> str:
    """The digest of a release: 40 hex digits, of the owning play, the schedule and each host's manifest."""
    content = {
        "play": project.play,
        "counts": sorted([service, host, n] for (service, host), n in desired.counts.items() if n),
        "files": {host: files[host].manifest_digest for host in sorted(files)},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]
