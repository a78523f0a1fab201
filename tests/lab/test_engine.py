"""The engine on a real host keeps the promises of the contract."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from deploytool.engine.base import Engine
from deploytool.model.observed import Container
from tests.contract import EngineContract

pytestmark = pytest.mark.lab


@dataclass
class LabBed:
    lab: object
    engine: Engine
    sick_image: str = "demo/web:2"

    def halt(self, container: Container) -> None:
        self.lab.exec("lab1", "docker", "kill", container.id)

    def restarted(self) -> Engine:
        return self.lab.engine("lab1")


class TestComposeEngine(EngineContract):
    @pytest.fixture
    def bed(self, lab):
        engine = lab.engine("lab1")
        yield LabBed(lab, engine)
        engine.close()
