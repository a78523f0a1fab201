"""Commands over a connection: bytes, exit codes, deadlines, losses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from deploytool.errors import HostUnreachable
from deploytool.transport import watchdog
from deploytool.transport.base import Result
from deploytool.transport.ssh import SshTransport
from tests.ssh.sshd_double import SshServer

Start = Callable[..., SshServer]
Connect = Callable[..., SshTransport]
MEGABYTE = 1_000_000


def test_a_command_runs_with_its_input_and_both_outputs(start: Start, connect: Connect) -> None:
    """Input, output, errors and exit code arrive unchanged, and a non-zero code is a result."""
    host = connect(start())
    result = host.run(["sh", "-c", "cat; echo oops >&2; exit 3"], stdin=b"\x00\xff in\n")
    assert result == Result(3, b"\x00\xff in\n", b"oops\n")


def test_arguments_arrive_as_they_are(start: Start, connect: Connect) -> None:
    """Nothing in an argument means anything to the shell on the host."""
    arguments = ["a b", "$HOME", "`id`", "'", '"', "a\nb", "", "*", ";true", "ü"]
    result = connect(start()).run(["printf", "%s\\0", *arguments])
    assert result.stdout.decode().split("\0")[:-1] == arguments


def test_one_connection_carries_all_commands(start: Start, connect: Connect) -> None:
    """The connection is made at the first command, once, also with several threads."""
    server = start()
    host = connect(server)
    assert server.connections == 0
    threads = [threading.Thread(target=host.run, args=(["true"],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (server.connections, len(server.commands)) == (1, 8)


def test_much_input_and_output_do_not_block_each_other(start: Start, connect: Connect) -> None:
    """20 MB go in while 20 MB come out on each of both streams."""
    data = bytes(range(256)) * (20 * MEGABYTE // 256)
    result = connect(start()).run(["sh", "-c", "tee /dev/stderr"], stdin=data, timeout_s=120)
    assert result.exit_code == 0
    assert result.stdout == data
    assert result.stderr == data


def test_a_command_need_not_read_its_input(start: Start, connect: Connect) -> None:
    """A command that ends without reading gives its own result."""
    result = connect(start()).run(["sh", "-c", "exit 7"], stdin=b"x" * 5 * MEGABYTE)
    assert result.exit_code == 7


def test_a_signal_is_128_and_its_number(start: Start, connect: Connect) -> None:
    """A command that was killed is a result, not a lost connection."""
    assert connect(start()).run(["sh", "-c", "kill -9 $$"]).exit_code == 137


def test_a_command_that_does_not_end_meets_its_deadline(start: Start, connect: Connect) -> None:
    """The deadline is hard, the message names the command, and the next command has a new connection."""
    server = start()
    host = connect(server)
    began = time.monotonic()
    with pytest.raises(HostUnreachable, match=r"'sleep' on 127.0.0.1:.* did not end within 0.3 s") as caught:
        host.run(["sleep", "60"], timeout_s=0.3)
    assert time.monotonic() - began < 5
    assert (caught.value.host, caught.value.setup) == ("h1", False)
    assert host.run(["echo", "again"]).stdout == b"again\n"
    assert server.connections == 2


def test_a_deadline_is_missed_once_also_where_its_watchdog_is_late(
    start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that freezes before a command starts is asked no second time: the deadline is over."""
    server, thawed = start(), threading.Event()
    host = connect(server)
    host.run(["true"])
    server.before_session = lambda: thawed.wait(30)
    add = watchdog._TIMER.add
    monkeypatch.setattr(watchdog._TIMER, "add", lambda dog, deadline: add(dog, deadline + 0.5))
    with pytest.raises(HostUnreachable, match=r"'true' on .* did not end within 0.3 s"):
        host.run(["true"], timeout_s=0.3)
    thawed.set()
    assert (server.connections, len(server.commands)) == (1, 1)


def test_a_connection_lost_on_the_way_is_not_a_result(start: Start, connect: Connect) -> None:
    """What became of the command is not known, so it is not repeated; the next one connects again."""
    server = start()
    host = connect(server)
    with pytest.raises(HostUnreachable, match="was lost while 'sh' was running") as caught:
        host.run(["sh", "-c", "echo begun; exit 99"])
    assert not caught.value.setup
    assert len(server.commands) == 1
    assert host.run(["true"]).exit_code == 0


def test_a_connection_lost_between_commands_is_made_again(start: Start, connect: Connect) -> None:
    """Nobody notices a connection that broke while nothing ran."""
    server = start()
    host = connect(server)
    host.run(["true"])
    server.drop_all()
    assert host.run(["echo", "back"]).stdout == b"back\n"
    assert server.connections == 2


def test_closing_ends_a_command_that_runs(start: Start, connect: Connect) -> None:
    """``close`` in another thread makes ``run`` return at once, with an error."""
    server = start()
    host = connect(server)
    failures: list[HostUnreachable] = []

    def wait() -> None:
        with pytest.raises(HostUnreachable) as caught:
            host.run(["sleep", "60"])
        failures.append(caught.value)

    thread = threading.Thread(target=wait)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.commands and time.monotonic() < deadline:
        time.sleep(0.01)
    host.close()
    thread.join(10)
    assert "lost while 'sleep' was running" in str(failures[0])


def test_closing_does_not_wait_for_a_connection_that_is_being_made(start: Start, connect: Connect) -> None:
    """Whoever waits for it hears of that, and it is given up once it is there."""
    server = start()
    reached, go_on = threading.Event(), threading.Event()
    server.before_login = lambda: (reached.set(), go_on.wait(20))
    host = connect(server)
    failures: list[HostUnreachable] = []

    def wait() -> None:
        with pytest.raises(HostUnreachable) as caught:
            host.run(["true"])
        failures.append(caught.value)

    thread = threading.Thread(target=wait)
    thread.start()
    assert reached.wait(20)
    host.close()
    go_on.set()
    thread.join(20)
    assert "closed while it was made" in str(failures[0])
    assert server.commands == []


def test_nothing_is_left_behind(nothing_left: None, start: Start, connect: Connect) -> None:
    """Threads and file descriptors are given back; closing twice, or before a command, is harmless."""
    host = connect(start())
    host.close()
    for _ in range(20):
        host.run(["true"])
    host.close()
    host.close()
