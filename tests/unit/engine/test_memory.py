"""The engine in memory keeps the same promises as the one on real hosts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from deploytool.engine.memory import MemoryEngine, MemoryHost
from deploytool.model.observed import Container
from tests.contract import EngineContract


@dataclass
class MemoryBed:
    host: MemoryHost
    sick_image: str = "demo/sick:1"

    @property
    def engine(self) -> MemoryEngine:
        return MemoryEngine(self.host)

    def halt(self, container: Container) -> None:
        self.host.containers = [
            replace(c, state="exited", exit_code=137) if c.id == container.id else c
            for c in self.host.containers
        ]

    def restarted(self) -> MemoryEngine:
        return MemoryEngine(self.host)


class TestMemoryEngine(EngineContract):
    @pytest.fixture
    def bed(self):
        images = {"demo/web:1", "demo/web:2", "demo/sick:1"}
        return MemoryBed(MemoryHost("h1", images=images, sick={"demo/sick:1"}))
