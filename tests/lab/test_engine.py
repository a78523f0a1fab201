"""The engine on a real host keeps the promises of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from deploytool.engine.compose import ComposeEngine
from deploytool.engine.ssh import SshSettings, open_transport
from deploytool.model.inventory import Connection, Host
from deploytool.model.observed import Container
from tests.contract import EngineContract
from tests.lab.labhosts import LabHosts

HOST = "lab1"


def engine_of(lab: LabHosts, name: str = HOST) -> ComposeEngine:
    """A fresh engine with a connection of its own."""
    options = (("userknownhostsfile", str(lab.known_hosts_file)), ("identitiesonly", "yes"))
    connection = Connection(
        "127.0.0.1",
        port=lab.host(name).ssh_port,
        user="root",
        key_files=(str(lab.key_file),),
        options=options,
    )
    return ComposeEngine(name, open_transport(Host(name, connection), SshSettings()))


@dataclass
class LabBed:
    lab: LabHosts
    engine: ComposeEngine
    sick_image: str = "demo/web:2"

    def halt(self, container: Container) -> None:
        self.lab.exec(HOST, "docker", "kill", container.id)

    def restarted(self) -> ComposeEngine:
        return engine_of(self.lab)


class TestComposeEngine(EngineContract):
    @pytest.fixture
    def bed(self, lab: LabHosts) -> Iterator[LabBed]:
        engine = engine_of(lab)
        yield LabBed(lab, engine)
        engine.close()
