"""The backends by name. Adding one: a folder with a function that opens it, and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from deploytool.backend.base import KEPT_RELEASES, Backend
from deploytool.transport.ssh.settings import SshSettings

_OPENERS = {
    "compose": "deploytool.backend.compose.backend",
    "memory": "deploytool.backend.memory.backend",
}
"""Name → the module whose ``open_backend`` takes ``BackendSettings``; imported when it is asked for."""


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """How the command line wants hosts reached, and how many releases they keep."""

    ssh: SshSettings = SshSettings()
    keep_releases: int = KEPT_RELEASES


def open_backend(name: str, settings: BackendSettings) -> Backend:
    """The backend of this name; nothing is connected yet."""
    backend: Backend = import_module(_OPENERS[name]).open_backend(settings)
    return backend
