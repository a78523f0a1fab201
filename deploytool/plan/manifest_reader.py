"""Reading manifests that hosts keep: the part of a file format that a run needs, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from deploytool.model.desired import Manifest
from deploytool.model.intent import Definitions, Service


class ManifestReader(Protocol):
    """The reader of one file format. Pure."""

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
