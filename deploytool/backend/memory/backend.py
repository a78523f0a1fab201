"""The backend ``memory``: simulated hosts, which exist as long as this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploytool.backend.hosts import HostsBackend
from deploytool.backend.memory.engine import MemoryEngine
from deploytool.backend.memory.host import MemoryHost
from deploytool.backend.registry import BackendSettings
from deploytool.model.inventory import Host

if TYPE_CHECKING:
    from deploytool.plan.renderer import Renderer


def open_backend(settings: BackendSettings) -> HostsBackend:
    """A backend with a new, empty simulated host for every host of the inventory."""
    hosts: dict[str, MemoryHost] = {}

    def engine(host: Host) -> MemoryEngine:
        return MemoryEngine(hosts.setdefault(host.name, MemoryHost(host.name)))

    return HostsBackend(engine, _renderer)


def _renderer() -> Renderer:
    from deploytool.backend.compose.render.renderer import ComposeRenderer  # when the first plan is made

    return ComposeRenderer()
