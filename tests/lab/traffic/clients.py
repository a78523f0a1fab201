"""Constant load on a few addresses, from a process of its own: what was asked, and what failed.

Each address gets one client of each kind: short requests on a connection that is kept, short ones on a new
connection each, requests that take three seconds, and one WebSocket over which a message goes back and
forth. A client that is told ``Connection: close`` opens a new connection, as any client does, and asks again
nothing: whatever does not end in a good answer counts as failed.
"""

from __future__ import annotations

import base64
import http.client
import os
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

KINDS = ("kept", "new", "slow", "websocket")
TIMEOUT_S = 15.0
SLOW_S = 3


@dataclass
class Tally:
    """The outcomes of requests, by kind.

    ``closed`` are WebSockets that a replica ended with a goodbye, ``cut`` those that went with their proxy;
    both are opened anew, and that counts as any request.
    """

    good: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    closed: int = 0
    cut: int = 0
    reasons: list[str] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, kind: str, seconds: float) -> None:
        with self.lock:
            self.good[kind] += 1
            if kind in ("kept", "new"):
                self.latencies_s.append(seconds)

    def fail(self, kind: str, where: str, why: object) -> None:
        with self.lock:
            self.failed[kind] += 1
            at = time.strftime("%H:%M:%S")
            self.reasons.append(f"{at} {kind} to {where}: {type(why).__name__}: {why}")

    def line(self) -> str:
        """One line: ``failed of asked`` for each kind."""
        kinds = ", ".join(
            f"{kind} {self.failed[kind]} of {self.good[kind] + self.failed[kind]}" for kind in KINDS
        )
        ordered = sorted(self.latencies_s) or [0.0]
        p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
        times = f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"
        return f"failed: {kinds}; WebSockets {self.closed} ended, {self.cut} cut; {times}"


@contextmanager
def load(
    addresses: list[tuple[str, int]], pause_s: float = 0.02, host: str = "", kinds: Sequence[str] = KINDS
) -> Iterator[Tally]:
    """Ask all the time while the block runs; everything under way at its end is waited for."""
    tally, done = Tally(), threading.Event()
    clients = {"kept": _kept, "new": _new, "slow": _slow, "websocket": _websocket}
    threads = [
        threading.Thread(target=clients[kind], args=(tally, address, done, pause_s, host), daemon=True)
        for address in addresses
        for kind in kinds
    ]
    for thread in threads:
        thread.start()
    try:
        yield tally
    finally:
        done.set()
        for thread in threads:
            thread.join(TIMEOUT_S * 2)


def _headers(host: str) -> dict[str, str]:
    return {"Host": host} if host else {}


def _ask(connection: http.client.HTTPConnection, path: str, host: str) -> None:
    connection.request("GET", path, headers=_headers(host))
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise ValueError(f"{answer.status} {body[:60]!r}")


def _kept(tally: Tally, address: tuple[str, int], done: threading.Event, pause_s: float, host: str) -> None:
    connection = http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
    while not done.wait(pause_s):
        begun = time.monotonic()
        try:
            _ask(connection, "/", host)
            tally.count("kept", time.monotonic() - begun)
        except (OSError, http.client.HTTPException, ValueError) as error:
            tally.fail("kept", f"{address[0]}:{address[1]}", error)
            connection.close()


def _new(tally: Tally, address: tuple[str, int], done: threading.Event, pause_s: float, host: str) -> None:
    _each_new("new", "/", tally, address, done, pause_s, host)


def _slow(tally: Tally, address: tuple[str, int], done: threading.Event, pause_s: float, host: str) -> None:
    _each_new("slow", f"/slow?{SLOW_S}", tally, address, done, pause_s, host)


def _each_new(
    kind: str,
    path: str,
    tally: Tally,
    address: tuple[str, int],
    done: threading.Event,
    pause_s: float,
    host: str,
) -> None:
    while not done.wait(pause_s):
        connection = http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
        begun = time.monotonic()
        try:
            _ask(connection, path, host)
            tally.count(kind, time.monotonic() - begun)
        except (OSError, http.client.HTTPException, ValueError) as error:
            tally.fail(kind, f"{address[0]}:{address[1]}", error)
        finally:
            connection.close()


def _websocket(
    tally: Tally, address: tuple[str, int], done: threading.Event, pause_s: float, host: str
) -> None:
    """Echoes on one WebSocket; a replica that has to go ends it in order, and then it is opened anew."""
    while not done.is_set():
        try:
            with socket.create_connection(address, timeout=TIMEOUT_S) as link:
                _upgrade(link, host or address[0])
                tally.count("websocket", 0.0)
                _talk(tally, link, done)
        except (OSError, ValueError) as error:
            tally.fail("websocket", f"{address[0]}:{address[1]}", error)
            done.wait(0.2)


def _talk(tally: Tally, link: socket.socket, done: threading.Event) -> None:
    """Messages back and forth, until the other side ends it."""
    while not done.wait(0.1):
        try:
            if not _echoed(link, os.urandom(8).hex().encode()):
                tally.closed += 1
                return
        except OSError:
            tally.cut += 1
            return
        tally.count("websocket", 0.0)


def _upgrade(link: socket.socket, host: str) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    link.sendall(
        f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        said = link.recv(1024)
        if not said:
            raise ValueError(f"no upgrade: {head[:80]!r}")
        head += said
    if b" 101 " not in head.split(b"\r\n")[0]:
        raise ValueError(f"no upgrade: {head[:80]!r}")


def _echoed(link: socket.socket, text: bytes) -> bool:
    """True if a message comes back; False where the other side closed the WebSocket instead."""
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(text))
    link.sendall(struct.pack("!BB", 0x81, 0x80 | len(text)) + mask + masked)
    opcode, payload = _frame(link)
    if opcode == 8:
        return False
    if payload != text:
        raise ValueError(f"another echo: {payload[:40]!r}")
    return True


def _frame(link: socket.socket) -> tuple[int, bytes]:
    first, size = _exactly(link, 2)
    return first & 15, _exactly(link, size & 127)


def _exactly(link: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        more = link.recv(count - len(got))
        if not more:
            raise ConnectionError("the WebSocket was cut")
        got += more
    return got
