"""``plan.renderer.Renderer`` for Docker Compose: compose.yaml, and Envoy's part for each host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deploytool.backend.compose.envoy.proxies import ProxyDefinitions
from deploytool.backend.compose.render.compose import host_files
from deploytool.backend.compose.render.mask import showable
from deploytool.backend.compose.render.stored_file import (
    StoredDefinitions,
    stored_definition,
    stored_service,
)
from deploytool.backend.compose.render.yaml_text import to_yaml
from deploytool.core.ingress.proxies import Proxies
from deploytool.errors import InputError, Place, Problem
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import parse_yaml
from deploytool.model.desired import Desired, HostFiles, Manifest
from deploytool.model.ingress import Offer
from deploytool.model.intent import Definitions, Project, Service
from deploytool.model.inventory import Host


class ComposeRenderer:
    """Renders each host's files once, and again only where something that they are made of is another."""

    def __init__(self) -> None:
        self._rendered: dict[tuple[str, str], tuple[object, HostFiles]] = {}

    def host_files(
        self, project: Project, desired: Desired, host: Host, offers: Sequence[Offer] = ()
    ) -> HostFiles:
        made_of = (project, project.definitions, desired, host, tuple(offers))
        before = self._rendered.get((project.name, host.name))
        if before is None or before[0] != made_of:
            before = made_of, host_files(project, desired, host, offers)
            self._rendered[project.name, host.name] = before
        return before[1]

    def shown(self, manifest: Manifest, salt: bytes) -> str:
        return to_yaml(showable(_parsed(manifest.text), salt))

    def stored_definitions(self, manifests: Mapping[str, Manifest]) -> Definitions:
        return StoredDefinitions(manifests)

    def stored_service(
        self, name: str, manifest: Manifest, host_name: str, current: Service | None
    ) -> Service:
        return stored_service(name, stored_definition(manifest.text, host_name), current)

    def proxy_definitions(self, proxies: Proxies) -> Definitions:
        return ProxyDefinitions(
            proxies.settings.image,
            proxies.settings.metrics_port,
            proxies.ports,
            proxies.holders,
            proxies.old_kernels,
        )


def _parsed(text: str) -> Mapping[str, Any]:
    problems = Problems()
    document = parse_yaml(text, "compose.yaml", problems)
    problems.raise_if_any()
    if not isinstance(document, dict) or not isinstance(document.get("services"), dict):
        raise InputError([Problem(Place("compose.yaml"), "is no definition of deploytool")])
    return document
