"""The interface to a backend's file formats: definitions and the schedule → the files of one host."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Protocol

from deploytool.core.ingress.proxies import Proxies
from deploytool.model.desired import Desired, HostFiles, Manifest
from deploytool.model.ingress import Offer
from deploytool.model.intent import Definitions, Project, Service
from deploytool.model.inventory import Host


class Renderer(Protocol):
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

    def shown(self, manifest: Manifest, salt: bytes) -> str:
        """A host's definition for display: secrets masked with ``salt``, deploytool's own labels left out.

        Raises:
            InputError: the text is no definition of this format.
        """
        ...

    def stored_definitions(self, manifests: Mapping[str, Manifest]) -> Definitions:
        """The definitions of a release, from the manifest that each host keeps of it."""
        ...

    def stored_service(
        self, name: str, manifest: Manifest, host_name: str, current: Service | None
    ) -> Service:
        """A service of a release; what no manifest says is that of the ``current`` one.

        Raises:
            InputError: the file was damaged on the host.
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
