"""A user's home with keys and known_hosts, and SSH servers in this process to connect to."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from traceback import format_stack

import paramiko
import pytest

from deploytool.model.inventory import Connection
from deploytool.transport.ssh import SshSettings, SshTransport, config_text
from deploytool.transport.ssh import config as ssh_config
from tests.ssh.home import Home
from tests.ssh.sshd_double import SshServer, ed25519_key, serving


@pytest.fixture(scope="session")
def rsa_key() -> paramiko.RSAKey:
    return paramiko.RSAKey.generate(2048)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv("DEPLOYTOOL_KEY_PASSPHRASE", raising=False)
    monkeypatch.setattr(config_text, "SYSTEM_FILE", str(tmp_path / "no-such-file"))
    ssh_config.forget()
    yield Home(tmp_path / "home")
    ssh_config.forget()


@pytest.fixture
def start(home: Home) -> Iterator[Callable[..., SshServer]]:
    """Starts a server that knows the key of ``home`` and is in its known_hosts (unless ``known=False``)."""
    with ExitStack() as stack:

        def start_one(*host_keys: paramiko.PKey, known: bool = True) -> SshServer:
            server = stack.enter_context(serving(*(host_keys or (ed25519_key(),))))
            server.public_keys.add(home.key.asbytes())
            if known:
                with home.known_hosts.open("a") as file:
                    file.write(server.known_as())
            return server

        yield start_one


@pytest.fixture
def connect(home: Home) -> Iterator[Callable[..., SshTransport]]:
    """Makes a transport to a server, with the key of ``home``; keywords replace parts of the connection."""
    with ExitStack() as stack:

        def connect_one(
            server: SshServer, *, settings: SshSettings | None = None, name: str = "h1", **changes: object
        ) -> SshTransport:
            connection = Connection(
                "127.0.0.1", port=server.port, user=server.user, key_files=(str(home.key_file),)
            )
            transport = SshTransport(name, replace(connection, **changes), settings)  # type: ignore[arg-type]
            stack.callback(transport.close)
            return transport

        yield connect_one


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """No thread and no file descriptor more than before, a moment after the test."""
    threads, files = threading.active_count(), open_files()
    yield
    pause = threading.Event()
    for _ in range(2400):
        if threading.active_count() <= threads and open_files() <= files:
            return
        pause.wait(0.05)
    frames = sys._current_frames()
    left = ["".join(format_stack(frames[t.ident])) for t in threading.enumerate() if t.ident in frames]
    raise AssertionError(f"{open_files() - files} files are left, and one or more of {'; '.join(left)}")
