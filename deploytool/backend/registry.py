"""The registry of backends. To add one: a module with a function ``open_backend``, and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from deploytool.backend.base import KEPT_RELEASES, Backend
from deploytool.transport.ssh.settings import SshSettings

_OPENERS = {
    "compose": "deploytool.backend.compose.backend",
    "memory": "deploytool.backend.memory.backend",
}
"""Name → the module whose ``open_backend`` takes ``BackendSettings``; imported when it is opened."""


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """The settings of a backend: SSH options, and the number of releases that a host keeps."""

    ssh: SshSettings = SshSettings()
    keep_releases: int = KEPT_RELEASES


def open_backend(name: str, settings: BackendSettings) -> Backend:
    """The backend of this name. Connects to no host."""
    backend: Backend = import_module(_OPENERS[name]).open_backend(settings)
    return backend
