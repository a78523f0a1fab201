"""Ways to a host that does not answer as it should: each costs one timeout and is said in a sentence."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import fabric
import pytest

from deploytool.errors import HostUnreachable
from deploytool.transport.ssh import SshSettings, SshTransport
from tests.ssh.sshd_double import SshServer, ed25519_key

Start = Callable[..., SshServer]
Connect = Callable[..., SshTransport]
FAST = SshSettings(connect_timeout_s=1.0)


def failure(host: SshTransport) -> HostUnreachable:
    with pytest.raises(HostUnreachable) as caught:
        host.run(["true"])
    assert caught.value.host == "h1"
    return caught.value


def test_a_host_that_never_sends_a_banner_costs_one_timeout(start: Start, connect: Connect) -> None:
    """A frozen host still accepts connections in its kernel."""
    server = start()
    server.silent = True
    began = time.monotonic()
    error = failure(connect(server, settings=FAST))
    assert time.monotonic() - began < 3
    assert str(error).endswith("accepted the connection but did not answer as sshd does within 1 s")
    assert not error.setup


def test_a_login_that_never_ends_costs_one_timeout(start: Start, connect: Connect) -> None:
    """The deadline covers the login too."""
    server, over = start(), threading.Event()
    server.before_login = lambda: over.wait(20)
    try:
        error = failure(connect(server, settings=FAST))
    finally:
        over.set()
    assert str(error).endswith("did not finish the login within 1 s")


def test_dropped_connections_are_tried_again(start: Start, connect: Connect) -> None:
    """sshd drops unauthenticated connections at random when there are many: that is not a failure yet."""
    server = start()
    server.drop_first = 2
    assert connect(server).run(["echo", "in"]).stdout == b"in\n"
    assert server.connections == 3


def test_no_connection_writes_into_the_configuration_of_all(
    start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fabric empties it while it merges it anew: what opens just then would find nothing in it."""
    merged: list[fabric.Config] = []
    assert connect(start()).run(["true"]).exit_code == 0  # the first connection imports fabric
    monkeypatch.setattr(fabric.Config, "merge", merged.append)
    assert connect(start()).run(["true"]).exit_code == 0
    assert not merged


def test_a_host_that_drops_every_connection_is_given_up(start: Start, connect: Connect) -> None:
    """After three tries the message says what happens and what to do."""
    server = start()
    server.drop_first = 99
    error = failure(connect(server))
    assert "closed the connection before the login" in str(error)
    assert "MaxStartups" in error.hint
    assert server.connections == 3


def test_a_closed_port_is_said_with_address_and_port(start: Start, connect: Connect) -> None:
    """A refused connection is not tried again, and says what to look at."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    error = failure(connect(start(), port=port))
    assert str(error) == f"127.0.0.1:{port} refused the connection"
    assert "sshd" in error.hint


def test_a_name_that_does_not_exist_is_said(start: Start, connect: Connect) -> None:
    """A name without address needs someone to set it right, unless the resolver itself failed."""
    error = failure(connect(start(), address="no-such-host.invalid"))
    assert str(error).startswith("the address 'no-such-host.invalid' cannot be resolved")


def test_a_resolver_that_hangs_costs_one_timeout(
    start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking a name up cannot be interrupted, but nobody waits for it longer than the deadline."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: over.wait(20) and [])
    began = time.monotonic()
    error = failure(connect(start(), address="slow.example", settings=FAST))
    over.set()
    assert time.monotonic() - began < 3
    assert "the resolver did not answer in time" in str(error)


def test_no_algorithm_in_common_is_for_people(start: Start, connect: Connect) -> None:
    """A server that this side cannot talk to is not tried again."""
    server = start()
    error = failure(connect(server, options=(("kexalgorithms", "no-such-algorithm"),)))
    assert error.setup
    assert "KexAlgorithms no-such-algorithm leaves no algorithm" in str(error)


def test_connection_starts_at_one_sshd_are_limited(start: Start, connect: Connect) -> None:
    """Of many transports to one sshd, only so many are not logged in at a time."""
    server = start()
    settings = SshSettings(starts_per_address=3)
    hosts = [connect(server, settings=settings, name=f"h{n}") for n in range(12)]
    threads = [threading.Thread(target=host.run, args=(["true"],)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.logins) == 12
    assert server.waiting <= 3


def test_a_dead_host_does_not_hold_up_the_others(start: Start, connect: Connect) -> None:
    """The limit is per sshd: hosts on other ports of the same address do not wait."""
    dead, alive = start(), start(ed25519_key())
    dead.silent = True
    slow = [connect(dead, settings=SshSettings(connect_timeout_s=5, starts_per_address=1)) for _ in range(2)]
    threads = [threading.Thread(target=failure, args=(host,)) for host in slow[:1]]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    connect(alive, settings=SshSettings(starts_per_address=1)).run(["true"])
    assert time.monotonic() - began < 4
    dead.close()
    for thread in threads:
        thread.join()


def test_a_proxy_command_is_the_connection(start: Start, connect: Connect) -> None:
    """``ProxyCommand`` gets address and port; the host key is checked as without it."""
    server = start()
    relay = (
        "import socket,sys,threading,os;s=socket.create_connection((sys.argv[1],int(sys.argv[2])));"
        "r=lambda:os.read(0,65536);"
        "threading.Thread(target=lambda:[s.sendall(d) for d in iter(r,b'')],daemon=True)"
        ".start();[os.write(1,d) for d in iter(lambda:s.recv(65536),b'')]"
    )
    host = connect(server, options=(("proxycommand", f'python3 -c "{relay}" %h %p'),))
    assert host.run(["echo", "through"]).stdout == b"through\n"
    host.close()


def test_a_proxy_command_that_fails_is_quoted(start: Start, connect: Connect) -> None:
    """The last line that it wrote is the reason."""
    error = failure(connect(start(), options=(("proxycommand", "sh -c 'echo no way through >&2; exit 1'"),)))
    assert "the ProxyCommand ended before" in str(error)
    assert str(error).endswith("no way through")


def test_names_in_a_proxy_command_cannot_be_shell(start: Start, connect: Connect) -> None:
    """An address of the inventory never becomes a command of this machine."""
    error = failure(connect(start(), address="$(touch pwned)", options=(("proxycommand", "nc %h %p"),)))
    assert error.setup
    assert "cannot be put into a ProxyCommand" in str(error)


def test_paramiko_prints_nothing(start: Start, connect: Connect, capfd: pytest.CaptureFixture[str]) -> None:
    """A failure is one error with one sentence, without the library's own tracebacks on stderr."""
    server = start(known=False)
    server.drop_first = 1
    failure(connect(server))
    assert capfd.readouterr() == ("", "")
