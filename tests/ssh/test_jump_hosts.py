"""Hosts behind other hosts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploytool.errors import HostUnreachable
from deploytool.transport.ssh import SshSettings, SshTransport
from tests.ssh.home import Home
from tests.ssh.sshd_double import SshServer, ed25519_key

Start = Callable[..., SshServer]
Connect = Callable[..., SshTransport]


def jump_through(home: Home, **servers: SshServer) -> None:
    """Names for servers in ``~/.ssh/config``, with the key of ``home``."""
    home.configure(
        "\n".join(
            f"Host {name}\n HostName 127.0.0.1\n Port {server.port}\n User someone\n"
            f" IdentityFile {home.key_file}"
            for name, server in servers.items()
        )
    )


def test_one_connection_to_the_jump_host_serves_all(
    nothing_left: None, start: Start, connect: Connect, home: Home
) -> None:
    """Ten hosts behind a jump host are one connection to it, closed with the last of them."""
    jump, behind = start(), [start(ed25519_key()) for _ in range(10)]
    jump_through(home, jump1=jump)
    hosts = [connect(server, options=(("proxyjump", "jump1"),)) for server in behind]
    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(lambda host: host.run(["echo", "behind"]).stdout, hosts))
    assert results == [b"behind\n"] * 10
    assert jump.connections == 1
    for host in hosts[1:]:
        host.close()
    assert hosts[0].run(["true"]).exit_code == 0
    hosts[0].close()
    assert hosts[0].run(["true"]).exit_code == 0
    assert jump.connections == 2
    for host in hosts:
        host.close()
    for server in (jump, *behind):
        server.close()


def test_several_hops_are_taken_in_order(start: Start, connect: Connect, home: Home) -> None:
    """``-J a,b``: to a, from there to b, from there to the host."""
    first, second, last = start(), start(ed25519_key()), start(ed25519_key())
    jump_through(home, first=first, second=second)
    host = connect(last, options=(("proxyjump", f"first,someone@second:{second.port}"),))
    assert host.run(["echo", "far"]).stdout == b"far\n"
    assert (first.connections, second.connections, last.connections) == (1, 1, 1)


def test_a_pattern_that_covers_the_jump_host_is_no_loop(start: Start, connect: Connect, home: Home) -> None:
    """``Host *`` with a ProxyJump is how many people write it."""
    jump, behind = start(), start(ed25519_key())
    jump_through(home, jump1=jump)
    home.configure(home.config.read_text() + "\nHost *\n ProxyJump jump1\n")
    assert connect(behind).run(["true"]).exit_code == 0


def test_a_dead_jump_host_costs_one_timeout_in_all(start: Start, connect: Connect, home: Home) -> None:
    """All hosts behind it share one try, and each says which jump host it was."""
    jump, behind = start(), start(ed25519_key())
    jump.silent = True
    jump_through(home, jump1=jump)
    settings = SshSettings(connect_timeout_s=1.0)
    ready = threading.Barrier(8)

    def reason(number: int) -> str:
        host = connect(behind, options=(("proxyjump", "jump1"),), settings=settings, name=f"h{number}")
        ready.wait()
        with pytest.raises(HostUnreachable) as caught:
            host.run(["true"])
        assert caught.value.host == f"h{number}"
        return str(caught.value)

    with ThreadPoolExecutor(8) as pool:
        reasons = set(pool.map(reason, range(8)))
    assert reasons == {
        f"jump host jump1: 127.0.0.1:{jump.port} accepted the connection but did not answer"
        " as sshd does within 1 s"
    }
    assert jump.connections == 1


def test_a_host_that_the_jump_host_cannot_reach(start: Start, connect: Connect, home: Home) -> None:
    """The jump host's refusal is the reason; other hosts behind it go on."""
    jump, gone, behind = start(), start(ed25519_key()), start(ed25519_key())
    jump_through(home, jump1=jump)
    through = (("proxyjump", "jump1"),)
    gone.close()
    with pytest.raises(HostUnreachable, match=r"the jump host cannot reach 127.0.0.1:"):
        connect(gone, options=through).run(["true"])
    assert connect(behind, options=through).run(["true"]).exit_code == 0


def test_an_unknown_jump_host_is_refused(start: Start, connect: Connect, home: Home) -> None:
    """Its host key is checked as any other, and the hint tells where its options come from."""
    jump, behind = start(known=False), start(ed25519_key())
    jump_through(home, jump1=jump)
    with pytest.raises(HostUnreachable, match=r"jump host jump1: the host key of .* is not known") as caught:
        connect(behind, options=(("proxyjump", "jump1"),)).run(["true"])
    assert caught.value.setup
    assert "come from the SSH configuration" in caught.value.hint


def test_a_lost_jump_host_is_connected_again(start: Start, connect: Connect, home: Home) -> None:
    """After the jump host was cut off, the next command takes a new connection through it."""
    jump, behind = start(), start(ed25519_key())
    jump_through(home, jump1=jump)
    host = connect(behind, options=(("proxyjump", "jump1"),))
    host.run(["true"])
    jump.drop_all()
    assert host.run(["echo", "back"], timeout_s=20).stdout == b"back\n"
    assert jump.connections == 2
