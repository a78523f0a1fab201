"""The engine on a real host keeps the promises of the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from deploytool.backend.compose.engine import ComposeEngine
from deploytool.lab.layout import SUDOER_PASSWORD
from deploytool.model.container import Container
from deploytool.model.inventory import Become, Connection, Host
from deploytool.model.secret import Secret
from deploytool.transport.base import Transport
from deploytool.transport.ssh import SshSettings, open_transport
from tests.contract import EngineContract
from tests.lab.labhosts import LabHosts
from tests.streams import StreamContract

HOST = "lab1"


def transport_of(
    lab: LabHosts, name: str = HOST, user: str = "root", become: Become | None = None
) -> Transport:
    """A connection of its own."""
    options = (("userknownhostsfile", str(lab.known_hosts_file)), ("identitiesonly", "yes"))
    connection = Connection(
        "127.0.0.1",
        port=lab.host(name).ssh_port,
        user=user,
        key_files=(str(lab.key_file),),
        options=options,
        become=become,
    )
    return open_transport(Host(name, connection), SshSettings())


def engine_of(lab: LabHosts, name: str = HOST) -> ComposeEngine:
    """A fresh engine with a connection of its own."""
    return ComposeEngine(name, transport_of(lab, name))


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


class TestRealSshStream(StreamContract):
    """Real sshd: as root, and as somebody who becomes root with a password that real sudo asks for."""

    @pytest.fixture(params=["root", "sudoer"])
    def transport(self, lab_hosts: LabHosts, request: pytest.FixtureRequest) -> Iterator[Transport]:
        become = Become("root", Secret(SUDOER_PASSWORD)) if request.param == "sudoer" else None
        # The hosts need not be clean: nothing here looks at what they run.
        transport = transport_of(lab_hosts, user=request.param, become=become)
        yield transport
        transport.close()
