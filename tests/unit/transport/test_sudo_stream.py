"""Becoming another user for a command while it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Become, Connection
from deploytool.model.secret import Secret
from deploytool.transport.base import Output, Terminal
from deploytool.transport.local import LocalTransport
from tests.streams import StreamContract, read_all, read_until, shell
from tests.unit.transport.test_sudo import PASSWORD, Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """This machine with a stand-in for sudo that always asks."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("STATE", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "me")
    return Machine(tmp_path, "always")


def transport_of(password: str | None) -> LocalTransport:
    become = Become("other", None if password is None else Secret(password))
    return LocalTransport("h1", Connection("localhost", kind="local", become=become))


class TestSudoStream(StreamContract):
    # Real sudo gives the command a terminal of its own, so that the shells around it hear no ^C: see the lab.
    interrupted = (9, 130)

    @pytest.fixture
    def transport(self, machine: Machine) -> Iterator[LocalTransport]:
        host = transport_of(PASSWORD)
        yield host
        host.close()


@pytest.mark.parametrize("asks", ["always", "once", "never"])
@pytest.mark.parametrize("terminal", [None, Terminal()])
def test_only_the_command_is_heard(machine: Machine, asks: str, terminal: Terminal | None) -> None:
    """Whatever sudo asks: neither its talk nor the password is in the output, nor in the input."""
    (machine.path / "asks").write_text(asks)
    stream = transport_of(PASSWORD).stream(shell("echo begun; read x; echo $x; exit 5"), terminal=terminal)
    stream.send(b"typed ahead\n")
    output = read_all(stream)
    assert output.stdout.replace(b"\r", b"").replace(b"typed ahead\n", b"", 1 if terminal else 0) in (
        b"begun\ntyped ahead\n",
        b"typed ahead\nbegun\n",
    )
    assert output.stderr == b""
    assert stream.exit_code == 5
    assert set(machine.given) <= {PASSWORD}


@pytest.mark.parametrize("terminal", [None, Terminal()])
@pytest.mark.parametrize(("password", "how"), [(None, "without a password"), ("wrong", "with the become")])
def test_a_refusal_is_said_when_the_stream_is_read(
    machine: Machine, password: str | None, how: str, terminal: Terminal | None
) -> None:
    """One try; the command never begins."""
    stream = transport_of(password).stream(["touch", str(machine.path / "ran")], terminal=terminal)
    with pytest.raises(HostUnreachable, match=f"cannot become other {how}") as caught:
        read_all(stream)
    assert caught.value.setup
    assert len(machine.given) <= 1
    assert not (machine.path / "ran").exists()


def test_without_a_password_the_mark_is_all_that_is_taken_out(machine: Machine) -> None:
    """sudo -n has nothing to say."""
    (machine.path / "asks").write_text("never")
    stream = transport_of(None).stream(shell("echo one; echo oops >&2"), terminal=Terminal())
    assert read_until(stream, b"oops\r\n") == Output(b"one\r\noops\r\n")
    assert read_all(stream) == Output()
    assert stream.exit_code == 0
