"""The engine in memory keeps the same promises as the one on real hosts."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from deploytool.backend.memory.engine import MemoryEngine, MemoryHost
from deploytool.model.container import Container
from deploytool.transport.base import Result
from tests.contract import EngineContract


@dataclass
class MemoryBed:
    host: MemoryHost
    sick_image: str = "demo/sick:1"

    @property
    def engine(self) -> MemoryEngine:
        return MemoryEngine(self.host)

    def halt(self, container: Container) -> None:
        self.host.halt(container)

    def restarted(self) -> MemoryEngine:
        return MemoryEngine(self.host)


def _command(container, argv, stdin):
    return Result(3, stdin, b"oops\n")


class TestMemoryEngine(EngineContract):
    @pytest.fixture
    def bed(self):
        images = {"demo/web:1", "demo/web:2", "demo/sick:1"}
        return MemoryBed(MemoryHost("h1", images=images, sick={"demo/sick:1"}, command=_command))
