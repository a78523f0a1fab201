"""Byte streams to an sshd: TCP, or the standard streams of a ProxyCommand. SSH itself is not known here."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError  # the built-in one from Python 3.11 on
from typing import IO, Any

from deploytool.transport.futures import complete
from deploytool.transport.ssh.target import Target

_FAMILIES = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
_REAP_S = 1.0
_AddressInfo = tuple[int, int, int, str, Any]


def tcp(target: Target, timeout_s: float) -> socket.socket:
    """A connected socket. The addresses of a name are tried in turn, each with its share of ``timeout_s``.

    Raises:
        OSError: the error of the last address; ``socket.gaierror`` where the name has none.
    """
    end = time.monotonic() + timeout_s
    addresses = _resolve(target.address, target.port, _FAMILIES.get(target.address_family, 0), timeout_s)
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "no address")
    for position, address in enumerate(addresses):
        left_s = max(0.01, end - time.monotonic()) / (len(addresses) - position)
        try:
            return _connected(address, target, left_s)
        except OSError as error:
            failure = error
    raise failure


def _connected(info: _AddressInfo, target: Target, timeout_s: float) -> socket.socket:
    family, kind, protocol, _, address = info
    sock = socket.socket(family, kind, protocol)
    try:
        sock.settimeout(timeout_s)
        if target.bind_address:
            sock.bind((target.bind_address, 0))
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    _tune(sock, target)
    return sock


def _tune(sock: socket.socket, target: Target) -> None:
    """Send without delay; end the connection when nothing is acknowledged for as long as keepalives allow.

    Source: TCP_NODELAY and TCP_USER_TIMEOUT of tcp(7).
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    lost_after_ms = target.keepalive_s * target.keepalive_max * 1000
    if lost_after_ms and hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, lost_after_ms)


def _resolve(address: str, port: int, family: int, timeout_s: float) -> Sequence[_AddressInfo]:
    """The addresses of a name, looked up in a thread of its own since ``getaddrinfo`` takes no timeout."""

    def look_up() -> Sequence[_AddressInfo]:
        return socket.getaddrinfo(address, port, family, socket.SOCK_STREAM)

    with contextlib.suppress(ValueError):
        ipaddress.ip_address(address)
        return look_up()
    future: Future[Sequence[_AddressInfo]] = Future()
    thread = threading.Thread(target=complete, args=(future, look_up), name=f"resolve {address}", daemon=True)
    thread.start()
    try:
        return future.result(timeout_s)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "it is not a host name") from None
    except FutureTimeoutError:
        raise socket.gaierror(socket.EAI_AGAIN, "the resolver did not answer in time") from None


class ProxyProcess:
    """A running ProxyCommand. ``sock`` is connected to its standard input and output."""

    def __init__(self, command: str) -> None:
        self.sock, theirs = socket.socketpair()
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        with theirs:
            # The command is the user's own shell text, as in ssh; ``exec`` keeps the shell from lingering.
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._stderr,
                start_new_session=True,
            )

    def last_words(self) -> str:
        """The last line that the command wrote to stderr; empty where there is none."""
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def close(self) -> None:
        """End the command and wait for it."""
        self.sock.close()
        self._process.terminate()
        try:
            self._process.wait(_REAP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()
