"""Commands while they run, over a connection that may be lost."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from deploytool.errors import HostUnreachable
from deploytool.transport.base import Output
from deploytool.transport.ssh import SshSettings, SshTransport
from tests.ssh.sshd_double import SshServer
from tests.streams import DEADLINE_S, StreamContract, in_thread, read_all, read_until, shell, until

Start = Callable[..., SshServer]
Connect = Callable[..., SshTransport]
QUICK = {
    "settings": SshSettings(keepalive_s=1),
    "options": (("serveralivecountmax", "1"),),
}


class TestSshStream(StreamContract):
    @pytest.fixture
    def transport(self, start: Start, connect: Connect) -> SshTransport:
        return connect(start())


def test_a_stream_shares_the_connection(start: Start, connect: Connect) -> None:
    """Another channel, not another connection."""
    server = start()
    host = connect(server)
    stream = host.stream(shell("read x"))
    host.run(["true"])
    stream.close()
    assert server.connections == 1


def test_a_frozen_host_is_told_from_a_quiet_one(start: Start, connect: Connect) -> None:
    """A host that answers keepalives may be quiet for ever; one that does not is lost."""
    server = start()
    host = connect(server, **QUICK)
    stream = host.stream(shell("echo begun; read x"))
    read_until(stream, b"begun\n")
    began = time.monotonic()
    while time.monotonic() < began + 3.5:  # longer than a dead host would be waited for
        assert stream.read(0.5) == Output()
    server.freeze()
    with pytest.raises(HostUnreachable, match="was lost while 'sh' was running") as caught:
        stream.read(DEADLINE_S)
    assert (caught.value.host, caught.value.setup) == ("h1", False)
    stream.close()
    assert host.run(["echo", "again"]).stdout == b"again\n"


def test_a_command_on_a_frozen_host_ends_before_its_deadline(start: Start, connect: Connect) -> None:
    """Keepalives tell sooner than the longest that a command may take, and the message says so."""
    server = start()
    host = connect(server, **QUICK)
    failures: list[HostUnreachable] = []

    def wait() -> None:
        with pytest.raises(HostUnreachable, match="'sleep' was running: no sign of life for 2 s") as caught:
            host.run(["sleep", "600"], timeout_s=600)
        failures.append(caught.value)

    runner = in_thread(wait)
    until(lambda: bool(server.commands))
    server.freeze()
    runner.join(DEADLINE_S)
    assert len(failures) == 1


def test_a_lost_connection_ends_every_stream(start: Start, connect: Connect) -> None:
    """With an error, since nobody knows what became of the commands."""
    server = start()
    host = connect(server)
    streams = [host.stream(shell("echo begun; read x")) for _ in range(2)]
    for stream in streams:
        read_until(stream, b"begun\n")
    server.drop_all()
    for stream in streams:
        with pytest.raises(HostUnreachable, match="was lost while 'sh' was running"):
            read_all(stream)
        stream.send(b"nobody hears it")
        stream.close()


def test_closing_the_transport_ends_a_stream(start: Start, connect: Connect) -> None:
    """From another thread, at once."""
    host = connect(start())
    stream = host.stream(shell("echo begun; read x"))
    read_until(stream, b"begun\n")
    failures: list[HostUnreachable] = []

    def wait() -> None:
        with pytest.raises(HostUnreachable) as caught:
            stream.read()
        failures.append(caught.value)

    reader = in_thread(wait)
    host.close()
    reader.join(DEADLINE_S)
    assert len(failures) == 1
    stream.close()


def test_a_stream_begins_on_a_new_connection_where_the_old_one_is_gone(
    start: Start, connect: Connect
) -> None:
    """Nobody notices a connection that broke while nothing ran."""
    server = start()
    host = connect(server)
    host.run(["true"])
    server.drop_all()
    assert read_all(host.stream(["echo", "back"])).stdout == b"back\n"
    assert server.connections == 2


def test_a_signal_is_128_and_its_number(start: Start, connect: Connect) -> None:
    """A command that was killed has ended; no connection was lost."""
    stream = connect(start()).stream(shell("kill -9 $$"))
    assert read_all(stream) == Output()
    assert stream.exit_code == 137


def test_streams_leave_nothing_behind(nothing_left: None, start: Start, connect: Connect) -> None:
    """Read to the end, closed half-way, or never read: no thread and no file descriptor stays."""
    host = connect(start())
    for _ in range(20):
        read_all(host.stream(["true"]))
        read_until(half := host.stream(shell("echo begun; read x")), b"begun\n")
        half.close()
        host.stream(shell("echo begun; read x")).close()
    host.close()
