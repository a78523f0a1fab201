"""The backend ``memory`` keeps the same promises as real hosts."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from deploytool.backend.base import Backend
from deploytool.backend.compose.render.renderer import ComposeRenderer
from deploytool.backend.hosts import HostsBackend
from deploytool.backend.memory.engine import MemoryEngine
from deploytool.backend.memory.host import MemoryHost
from deploytool.model.container import Container
from deploytool.transport.base import Result
from tests.builders import host
from tests.contract import BackendContract


@dataclass
class MemoryBed:
    host: MemoryHost
    sick_image: str = "demo/sick:1"

    backend: Backend = field(init=False)

    def __post_init__(self) -> None:
        self.backend = self.restarted()

    def halt(self, container: Container) -> None:
        self.host.halt(container)

    def restarted(self) -> Backend:
        backend = HostsBackend(lambda host: MemoryEngine(self.host), ComposeRenderer)
        backend.reach([host("h1")])
        return backend


def _command(container, argv, stdin):
    return Result(3, stdin, b"oops\n")


class TestMemoryBackend(BackendContract):
    @pytest.fixture
    def bed(self):
        images = {"demo/web:1", "demo/web:2", "demo/sick:1"}
        return MemoryBed(MemoryHost("h1", images=images, sick={"demo/sick:1"}, command=_command))
