"""The backend ``compose`` on a real host keeps the promises of every backend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from deploytool.backend.base import Backend
from deploytool.backend.compose.engine import ComposeEngine
from deploytool.backend.compose.render.renderer import ComposeRenderer
from deploytool.backend.hosts import HostsBackend
from deploytool.lab.layout import SUDOER_PASSWORD
from deploytool.model.container import Container
from deploytool.model.inventory import Become, Connection, Host
from deploytool.model.secret import Secret
from deploytool.transport.base import Transport
from deploytool.transport.ssh import SshSettings, open_transport
from tests.builders import host
from tests.contract import HOST as CONTRACT_HOST
from tests.contract import BackendContract
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


def backend_of(lab: LabHosts) -> HostsBackend:
    """A fresh backend with a connection of its own to the first host, under the name of the contract."""

    def engine(host: Host) -> ComposeEngine:
        return ComposeEngine(host.name, transport_of(lab))

    backend = HostsBackend(engine, ComposeRenderer)
    backend.reach([host(CONTRACT_HOST)])
    return backend


@dataclass
class LabBed:
    lab: LabHosts
    backend: Backend
    sick_image: str = "demo/web:2"

    def halt(self, container: Container) -> None:
        self.lab.exec(HOST, "docker", "kill", container.id)

    def restarted(self) -> Backend:
        return backend_of(self.lab)


class TestComposeBackend(BackendContract):
    @pytest.fixture
    def bed(self, lab: LabHosts) -> Iterator[LabBed]:
        backend = backend_of(lab)
        yield LabBed(lab, backend)
        backend.close(1)


class TestRealSshStream(StreamContract):
    """Real sshd: as root, and as somebody who becomes root with a password that real sudo asks for."""

    @pytest.fixture(params=["root", "sudoer"])
    def transport(self, lab_hosts: LabHosts, request: pytest.FixtureRequest) -> Iterator[Transport]:
        become = Become("root", Secret(SUDOER_PASSWORD)) if request.param == "sudoer" else None
        # The hosts need not be clean: nothing here looks at what they run.
        transport = transport_of(lab_hosts, user=request.param, become=become)
        yield transport
        transport.close()
