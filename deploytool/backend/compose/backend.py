"""The backend ``compose``: hosts with Docker and Compose v2, each on a connection of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploytool.backend.compose.engine import ComposeEngine
from deploytool.backend.hosts import HostsBackend
from deploytool.backend.registry import BackendSettings
from deploytool.model.inventory import Host
from deploytool.transport.ssh import open_transport

if TYPE_CHECKING:
    from deploytool.plan.renderer import Renderer


def open_backend(settings: BackendSettings) -> HostsBackend:
    """The backend of engines over SSH or on this machine, as the inventory says. Connects to no host."""

    def engine(host: Host) -> ComposeEngine:
        transport = open_transport(host, settings.ssh)
        return ComposeEngine(host.name, transport, host.directory, settings.keep_releases)

    return HostsBackend(engine, _renderer)


def _renderer() -> Renderer:
    from deploytool.backend.compose.render.renderer import ComposeRenderer  # when the first plan is made

    return ComposeRenderer()
