"""This machine as a host."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Become, Connection, Host
from deploytool.transport.base import Result
from deploytool.transport.local import LocalTransport
from deploytool.transport.ssh import SshSettings, SshTransport, open_transport

HERE = Connection("localhost", kind="local")


@pytest.fixture
def host() -> LocalTransport:
    return LocalTransport("h1", HERE)


def test_a_command_runs_with_its_input_and_both_outputs(host: LocalTransport) -> None:
    """Bytes in, bytes out, and a non-zero code is a result."""
    result = host.run(["sh", "-c", "cat; echo oops >&2; exit 3"], stdin=b"\x00\xff")
    assert result == Result(3, b"\x00\xff", b"oops\n")


def test_arguments_meet_no_shell(host: LocalTransport) -> None:
    """Nothing in an argument means anything to a shell."""
    assert host.run(["printf", "%s", "$HOME `id` ;"]).stdout == b"$HOME `id` ;"


def test_much_input_and_output_do_not_block_each_other(host: LocalTransport) -> None:
    """20 MB go in while 20 MB come out on each of both streams."""
    data = bytes(range(256)) * 80_000
    assert host.run(["sh", "-c", "tee /dev/stderr"], stdin=data) == Result(0, data, data)


def test_a_signal_is_128_and_its_number(host: LocalTransport) -> None:
    """As a shell says it."""
    assert host.run(["sh", "-c", "kill -9 $$"]).exit_code == 137


def test_a_command_that_cannot_run_is_a_result(host: LocalTransport, tmp_path: Path) -> None:
    """127 and 126, as over SSH."""
    assert host.run(["no-such-command"]).exit_code == 127
    (tmp_path / "data").write_text("no program")
    assert host.run([str(tmp_path / "data")]).exit_code == 126


def test_the_deadline_ends_all_that_was_started(host: LocalTransport, tmp_path: Path) -> None:
    """Children too, even with the output held open; nothing is left behind."""
    threads, files = threading.active_count(), _open_files()
    began = time.monotonic()
    with pytest.raises(HostUnreachable, match=r"'sh' did not end within 0.2 s") as caught:
        host.run(["sh", "-c", f"sleep 60 & echo $! > {tmp_path}/child; sleep 60"], timeout_s=0.2)
    assert time.monotonic() - began < 5
    assert caught.value.host == "h1"
    child = int((tmp_path / "child").read_text())
    assert not _runs(child)
    assert (threading.active_count(), _open_files()) == (threads, files)


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _runs(pid: int) -> bool:
    """Whether the process still does something, a moment later; a zombie of nobody does not."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.01)
    return True


def test_becoming_goes_through_sudo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``become`` to another user uses sudo of this machine; to oneself it does not."""
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; BY=sudo exec "$@"\n')
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("LOGNAME", "me")
    for user, by in (("other", b"sudo"), ("me", b"")):
        connection = Connection("localhost", kind="local", become=Become(user))
        assert LocalTransport("h1", connection).run(["sh", "-c", 'printf %s "$BY"']).stdout == by


def test_the_connection_decides_the_transport() -> None:
    """``ansible_connection: local`` needs no sshd; everything else is SSH, and connects to nothing yet."""
    assert isinstance(open_transport(Host("h1", HERE), SshSettings()), LocalTransport)
    assert isinstance(open_transport(Host("h1", Connection("nowhere")), SshSettings()), SshTransport)


def test_closing_is_harmless(host: LocalTransport) -> None:
    """Before, after, and twice."""
    host.close()
    host.run(["true"])
    host.close()
    host.close()
