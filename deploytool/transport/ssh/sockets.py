"""Byte streams to an sshd: TCP, or the input and output of a ProxyCommand. Knows nothing of SSH itself."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import queue
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO, Any

from deploytool.transport.ssh.target import Target

_FAMILIES = {"any": socket.AF_UNSPEC, "inet": socket.AF_INET, "inet6": socket.AF_INET6}
_REAP_S = 1.0
_AddressInfo = tuple[int, int, int, str, Any]


def tcp(target: Target, timeout_s: float) -> socket.socket:
    """A connected socket; the addresses of a name are tried one after the other and share the time.

    Raises:
        OSError: the reason of the last address; ``socket.gaierror`` where the name has none.
    """
    end = time.monotonic() + timeout_s
    addresses = _resolve(target.address, target.port, _FAMILIES.get(target.family, 0), timeout_s)
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "no address")
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        left_s = max(0.01, end - time.monotonic()) / (len(addresses) - position)
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(left_s)
            if target.bind_address:
                sock.bind((target.bind_address, 0))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            _tune(sock, target)
            return sock
    raise failure


def _tune(sock: socket.socket, target: Target) -> None:
    """Send at once; a peer that acknowledges nothing is lost after what ``ServerAliveCountMax`` says."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    lost_after_ms = target.keepalive_s * target.keepalive_max * 1000
    if lost_after_ms and hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, lost_after_ms)


def _resolve(address: str, port: int, family: int, timeout_s: float) -> Sequence[_AddressInfo]:
    """Look a name up, in a thread of its own: the resolver takes no deadline."""

    def look_up() -> Sequence[_AddressInfo]:
        return socket.getaddrinfo(address, port, family, socket.SOCK_STREAM)

    def answer() -> None:
        try:
            answers.put(look_up())
        except (OSError, UnicodeError) as error:
            answers.put(error)

    with contextlib.suppress(ValueError):
        ipaddress.ip_address(address)
        return look_up()
    answers: queue.SimpleQueue[Sequence[_AddressInfo] | Exception] = queue.SimpleQueue()
    threading.Thread(target=answer, name=f"resolve {address}", daemon=True).start()
    try:
        found = answers.get(timeout=timeout_s)
    except queue.Empty:
        raise socket.gaierror(socket.EAI_AGAIN, "the resolver did not answer in time") from None
    if isinstance(found, UnicodeError):
        raise socket.gaierror(socket.EAI_NONAME, "it is not a host name")
    if isinstance(found, Exception):
        raise found
    return found


class ProxyProcess:
    """A ProxyCommand and the socket whose other end is its input and output."""

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
