"""Paramiko's transport with what deploytool adds to it."""

from __future__ import annotations

import socket
from collections.abc import Callable

import paramiko
import pytest

from deploytool.model.inventory import Connection
from deploytool.transport.ssh import SshTransport
from deploytool.transport.ssh.client import ClientTransport, RecentChannels
from deploytool.transport.ssh.resolve import resolve
from deploytool.transport.ssh.settings import SshSettings
from tests.ssh.home import Home
from tests.ssh.sshd_double import SshServer

Start = Callable[..., SshServer]
Connect = Callable[..., SshTransport]


def test_a_connection_does_not_grow_with_its_commands(
    start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It remembers the last channels only, and the memory of older ones goes."""
    made: list[ClientTransport] = []
    begun = ClientTransport.start_client

    def start_client(self: ClientTransport, *args: object, **options: object) -> None:
        made.append(self)
        begun(self, *args, **options)

    monkeypatch.setattr(ClientTransport, "start_client", start_client)
    monkeypatch.setattr(RecentChannels, "most", 3)
    host = connect(start())
    for number in range(8):
        assert host.run(["echo", str(number)]).stdout == b"%d\n" % number
    (transport,) = made
    assert sorted(transport.channels_seen) == [5, 6, 7]


@pytest.mark.parametrize(
    ("option", "attribute", "wanted", "first", "count"),
    [
        ("ciphers", "ciphers", "aes256-ctr,aes128-ctr", "aes256-ctr", 2),
        ("macs", "digests", "hmac-sha2-*-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", 2),
        ("kexalgorithms", "kex", "^ecdh-sha2-nistp521", "ecdh-sha2-nistp521", None),
        ("hostkeyalgorithms", "key_types", "-ssh-ed25519", "ecdsa-sha2-nistp256", None),
    ],
)
def test_configured_algorithms_are_offered(
    option: str, attribute: str, wanted: str, first: str, count: int | None, home: Home
) -> None:
    """Each kind of algorithm is restricted or reordered by its own option, and no other kind changes."""
    target = resolve("h1", Connection("shop", options=((option, wanted),)), SshSettings())
    ends = socket.socketpair()
    defaults = paramiko.Transport(ends[0]).get_security_options()
    configured = ClientTransport(ends[1])
    configured.configure(target, ())
    for name in ("ciphers", "digests", "kex", "key_types"):
        found, default = getattr(configured.get_security_options(), name), getattr(defaults, name)
        assert (found == default) is (name != attribute)
        if name == attribute:
            assert set(found) <= set(default)
            assert found[0] == first
            assert count in (None, len(found))
    for end in ends:
        end.close()


def test_accepted_key_algorithms_disable_the_others(home: Home) -> None:
    """``PubkeyAcceptedAlgorithms`` is kept by disabling what it leaves out."""
    wanted = (("pubkeyacceptedalgorithms", "ssh-ed25519"),)
    target = resolve("h1", Connection("shop", options=wanted), SshSettings())
    ours, theirs = socket.socketpair()
    with ours, theirs:
        configured = ClientTransport(ours)
        configured.configure(target, ())
        assert configured.preferred_pubkeys == ("ssh-ed25519",)
