"""Connections that a control master keeps for later runs: real ``ssh`` against the server of this process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Become
from deploytool.model.secret import Secret
from deploytool.transport.base import Result
from deploytool.transport.ssh import SshSettings, SshTransport, control_master
from tests.ssh.home import Home
from tests.ssh.sshd_double import SshServer, ed25519_key, ed25519_pem
from tests.streams import until

Start = Callable[..., SshServer]
Connect = Callable[..., SshTransport]
DEADLINE_S = 20.0


@pytest.fixture
def keep(sockets: Path) -> SshSettings:
    return SshSettings(control_persist_s=30.0, control_directory=str(sockets), connect_timeout_s=4.0)


def masters(sockets: Path) -> list[int]:
    """The processes that keep connections in the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].startswith(b"ssh") and any(str(sockets).encode() in word for word in words):
            found.append(int(entry.parent.name))
    return found


def test_runs_share_a_connection(start: Start, connect: Connect, keep: SshSettings) -> None:
    """What one run made serves the next ones; nothing is connected by the run's end, or anew after it."""
    server = start()
    for number in range(3):
        host = connect(server, settings=keep)
        assert host.run(["sh", "-c", "cat; echo oops >&2; exit 3"], stdin=b"\x00\xff") == Result(
            3, b"\x00\xff", b"oops\n"
        )
        assert host.run(["echo", str(number)]).stdout == b"%d\n" % number
        host.close()
    assert server.connections == 1


def test_no_other_library_is_needed_where_a_connection_is_kept(
    start: Start, connect: Connect, keep: SshSettings, home: Home, sockets: Path
) -> None:
    """That is most of what it saves: paramiko and fabric stay out."""
    server = start()
    connect(server, settings=keep).run(["true"])
    code = f"""
import sys
from deploytool.transport.ssh import SshSettings, SshTransport, config_text
from deploytool.model.inventory import Connection
config_text.SYSTEM_FILE = "/no/such/file"
SETTINGS = SshSettings(control_persist_s=30, control_directory={str(sockets)!r})
host = SshTransport("h1", Connection("127.0.0.1", port={server.port}, user="someone",
    key_files=({str(home.key_file)!r},)), SETTINGS)
host.prepare()
print(host.run(["echo", "in"]).stdout, [name for name in ("paramiko", "fabric") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert done.stdout == "b'in\\n' []\n"
    assert server.connections == 1


def test_much_input_and_output_do_not_block_each_other(
    start: Start, connect: Connect, keep: SshSettings
) -> None:
    """5 MB go in while 5 MB come out on each of both streams; a command need not read them."""
    data = bytes(range(256)) * 20_000
    host = connect(start(), settings=keep)
    result = host.run(["sh", "-c", "tee /dev/stderr"], stdin=data, timeout_s=120)
    assert (result.exit_code, result.stdout == data, result.stderr == data) == (0, True, True)
    assert host.run(["sh", "-c", "exit 7"], stdin=data).exit_code == 7


def test_commands_run_side_by_side(start: Start, connect: Connect, keep: SshSettings) -> None:
    """Several threads share the connection, whoever makes it."""
    server = start()
    host = connect(server, settings=keep)
    said: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: said.append(host.run(["echo", "in"]).stdout)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == [b"in\n"] * 8
    assert server.connections == 1


def test_what_streams_has_a_connection_of_the_runs_own(
    start: Start, connect: Connect, keep: SshSettings
) -> None:
    """It lasts, and wants keepalives of its own."""
    server = start()
    host = connect(server, settings=keep)
    host.run(["true"])
    stream = host.stream(["echo", "in"])
    output = stream.read(DEADLINE_S)
    assert output is not None and output.stdout == b"in\n"
    assert server.connections == 2


def test_another_configuration_is_another_connection(
    start: Start, connect: Connect, keep: SshSettings, home: Home
) -> None:
    """An address that means another host now does not lead to the old one, whichever connections are kept."""
    first, second = start(), start()
    said = []
    for server in (first, second):
        home.configure(f"Host shop\n HostName 127.0.0.1\n Port {server.port}\n")
        with home.known_hosts.open("a") as file:
            file.write(server.known_as())
        host = connect(server, settings=keep, address="shop", port=None)
        said.append(host.run(["echo", "in"]).stdout)
    assert said == [b"in\n"] * 2
    assert (first.connections, second.connections) == (1, 1)


def test_host_keys_are_checked(start: Start, connect: Connect, keep: SshSettings, sockets: Path) -> None:
    """An unknown host is refused with the usual sentence, and nothing is kept; ``accept-new`` takes it."""
    server = start(known=False)
    with pytest.raises(HostUnreachable, match="host key") as caught:
        connect(server, settings=keep).run(["true"])
    assert caught.value.setup
    assert not list(sockets.iterdir())
    accepting = SshSettings(control_persist_s=30, control_directory=str(sockets), accept_new_host_keys=True)
    for _ in range(2):
        assert connect(server, settings=accepting).run(["true"]).exit_code == 0
    server.host_keys = [ed25519_key()]
    for pid in masters(sockets):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not masters(sockets))
    with pytest.raises(HostUnreachable, match="has changed"):
        connect(server, settings=accepting).run(["true"])


# ssh finds out by a login that fails that it cannot open a key.
@pytest.mark.parametrize(("why", "connections"), [("password", 2), ("passphrase", 4), ("agent", 2)])
def test_what_openssh_would_have_to_ask_is_not_kept(
    why: str,
    connections: int,
    start: Start,
    connect: Connect,
    keep: SshSettings,
    home: Home,
    sockets: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each run then connects by itself, as it does otherwise."""
    server = start()
    options: dict[str, object] = {}
    if why == "password":
        server.public_keys.clear()
        server.passwords.add("open sesame")
        options["password"] = Secret("open sesame")
    elif why == "passphrase":
        home.key_file.write_text(ed25519_pem("sesame"))
        key = paramiko.Ed25519Key.from_private_key_file(str(home.key_file), "sesame")
        server.public_keys = {key.asbytes()}
        monkeypatch.setenv("DEPLOYTOOL_KEY_PASSPHRASE", "sesame")
    else:
        options["options"] = (("forwardagent", "yes"),)
    for _ in range(2):
        assert connect(server, settings=keep, **options).run(["true"]).exit_code == 0
    assert server.connections == connections
    assert not list(sockets.iterdir())


def test_a_process_that_was_killed_is_replaced(
    start: Start, connect: Connect, keep: SshSettings, sockets: Path
) -> None:
    """What it left behind costs a run nothing but a connection of its own; the next one is kept again."""
    server = start()
    connect(server, settings=keep).run(["true"])
    for pid in masters(sockets):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not masters(sockets))
    for _ in range(3):
        assert connect(server, settings=keep).run(["echo", "in"]).stdout == b"in\n"
    assert server.connections == 3


def test_a_process_that_says_nothing_is_left(
    start: Start, connect: Connect, keep: SshSettings, sockets: Path
) -> None:
    """Where it does not even greet, half of the time to connect is left for a connection of the run's own."""
    server = start()
    connect(server, settings=keep).run(["true"])
    stopped = masters(sockets)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert connect(server, settings=keep).run(["echo", "in"]).stdout == b"in\n"
        assert server.connections == 2
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGKILL)


def test_a_dead_host_costs_its_timeout_once(start: Start, connect: Connect, sockets: Path) -> None:
    """Whether a connection to it was kept or not."""
    server = start()
    settings = SshSettings(control_persist_s=30.0, control_directory=str(sockets), connect_timeout_s=2.0)
    connect(server, settings=settings).run(["true"])
    server.freeze()
    server.silent = True
    for _ in range(2):
        begun = time.monotonic()
        with pytest.raises(HostUnreachable, match="within"):
            connect(server, settings=settings).run(["true"])
        assert time.monotonic() - begun < 20  # not what a command may take


def test_a_missed_deadline_is_said_and_the_connection_not_used_again(
    start: Start, connect: Connect, keep: SshSettings
) -> None:
    """Nobody knows what became of the command; the next run makes a connection anew."""
    server = start()
    with pytest.raises(HostUnreachable, match=r"'sleep' on 127\.0\.0\.1 did not end within 0\.5 s"):
        connect(server, settings=keep).run(["sleep", "60"], timeout_s=0.5)
    assert connect(server, settings=keep).run(["true"]).exit_code == 0
    assert server.connections == 2


def test_a_lost_connection_is_said(start: Start, connect: Connect, keep: SshSettings) -> None:
    """Not repeated by itself: the command had begun."""
    server = start()
    host = connect(server, settings=keep)
    host.run(["true"])
    cut = threading.Thread(target=lambda: (until(lambda: len(server.commands) == 3), server.drop_all()))
    cut.start()
    with pytest.raises(HostUnreachable, match=r"'sleep' on 127\.0\.0\.1 ended without an exit code"):
        host.run(["sleep", "60"])
    cut.join()


def test_closing_ends_a_command_and_not_the_connection(
    start: Start, connect: Connect, keep: SshSettings
) -> None:
    """Whoever waits for it is told so; other runs go on."""
    server = start()
    host = connect(server, settings=keep)
    host.run(["true"])
    close = threading.Thread(target=lambda: (until(lambda: len(server.commands) == 3), host.close()))
    close.start()
    with pytest.raises(HostUnreachable):
        host.run(["sleep", "60"])
    close.join()
    assert connect(server, settings=keep).run(["true"]).exit_code == 0
    assert server.connections == 1


def test_jump_hosts_are_kept_too(
    start: Start, connect: Connect, keep: SshSettings, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One connection to it, and one to each host behind it, for all runs."""
    jump, hosts = start(), [start(), start()]
    home.configure(
        f"Host jump1\n HostName 127.0.0.1\n Port {jump.port}\n User {jump.user}\n"
        f" IdentityFile {home.key_file}\n"
    )
    for _ in range(2):
        for server in hosts:
            host = connect(server, settings=keep, options=(("proxyjump", "jump1"),))
            assert host.run(["echo", "far"]).stdout == b"far\n"
            host.close()
        monkeypatch.setattr(
            control_master, "JUMP_MASTERS", control_master.JumpMasters()
        )  # as in a process of its own
    assert [server.connections for server in (jump, *hosts)] == [1, 1, 1]


def test_a_proxy_command_is_used(start: Start, connect: Connect, keep: SshSettings) -> None:
    """With its tokens filled in as for ssh."""
    server = start()
    relay = "python3 -c \"import socket,sys,threading,os; s=socket.create_connection(('%h',%p)); " + (
        "threading.Thread(target=lambda: [os.write(1,d) for d in iter(lambda: s.recv(65536), b'')], "
        "daemon=True).start(); [s.sendall(d) for d in iter(lambda: os.read(0,65536), b'')]\""
    )
    for _ in range(2):
        host = connect(server, settings=keep, options=(("proxycommand", relay),))
        assert host.run(["echo", "in"]).stdout == b"in\n"
    assert server.connections == 1


def test_sudo_is_the_same(start: Start, connect: Connect, keep: SshSettings) -> None:
    """Whoever the inventory does not name, the configuration does."""
    server = start()
    for _ in range(2):
        host = connect(server, settings=keep, become=Become("someone"))
        assert host.run(["echo", "in"]).stdout == b"in\n"  # nobody has to become anybody else


def test_where_connections_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the user's alone; a sentence where there cannot be one."""
    base = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    assert control_master.socket_directory() == f"{base}/deploytool"
    assert (base / "deploytool").stat().st_mode & 0o777 == 0o700
    shutil.rmtree(base)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/tmp/" + "long" * 20)
    with pytest.raises(ValueError, match="too long for sockets; set XDG_RUNTIME_DIR"):
        control_master.socket_directory()
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc/nowhere")
    with pytest.raises(ValueError, match="/proc/nowhere/deploytool: no such file"):
        control_master.socket_directory()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="'ssh' is not installed"):
        control_master.socket_directory()


@pytest.mark.parametrize("greeting", [b"\0\0\0\4nope", b""])
def test_a_process_that_greets_otherwise_is_left(
    greeting: bytes, start: Start, connect: Connect, keep: SshSettings, sockets: Path
) -> None:
    """It is no OpenSSH, or is about to end: the run goes its own way."""
    server = start()
    connect(server, settings=keep).run(["true"])
    (path,) = sockets.iterdir()
    subprocess.run(["ssh", "-S", str(path), "-O", "exit", "-F", "none", "x"], capture_output=True)
    until(lambda: not path.exists())

    def greet(listener: socket.socket) -> None:
        with listener.accept()[0] as client:
            client.recv(64)
            client.sendall(greeting)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        answer = threading.Thread(target=greet, args=(listener,))
        answer.start()
        assert connect(server, settings=keep).run(["echo", "in"]).stdout == b"in\n"
        answer.join()
    assert server.connections == 2
