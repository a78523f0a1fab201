"""A small HTTP server for pages about a run: GET and HEAD only, a route is a function. Decides nothing.

Each request has a thread of its own, and there is a limit to how many; a body may be a stream without end
(server-sent events), which ends when its reader goes or the server is closed.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from deploytool.errors import UsageError

MAX_REQUESTS = 64
_IDLE_S = 15.0  # for a request to arrive, and for a reader to take the next piece


@dataclass(frozen=True, slots=True)
class Request:
    """A request. ``query`` has the last value of each key; the names of ``headers`` are in lower case."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """``body`` is bytes, or pieces that are sent as they come."""

    body: bytes | Iterable[bytes] = b""
    content_type: str = "text/plain; charset=utf-8"
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Request], Response]


class HttpServer:
    """Serves ``routes`` (exact path → function) on one address until it is closed. A context."""

    def __init__(self, address: tuple[str, int], routes: Mapping[str, Route]) -> None:
        """Bind at once; port 0 takes a free one.

        Raises:
            UsageError: the address cannot be had.
        """
        try:
            self._server = _Server(address, routes)
        except OSError as error:
            where = f"{address[0]}:{address[1]}"
            raise UsageError(
                f"cannot listen on {where}: {(error.strerror or str(error)).lower()}",
                hint="choose another address with --listen",
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> HttpServer:
        self._thread.start()
        return self

    def __exit__(self, *ignored: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def listen_address(text: str) -> tuple[str, int]:
    """``127.0.0.1:9469``, ``[::1]:9469``, ``:9469`` (every address), ``9469`` (loopback).

    Raises:
        ValueError: a sentence.
    """
    host, colon, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535 or ("]" not in host and ":" in host):
        raise ValueError(f"'{text}' is not an address; write 127.0.0.1:9469 or [::1]:9469")
    if not colon:
        return "127.0.0.1", int(port)
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)  # noqa: S104 - it was asked for


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], routes: Mapping[str, Route]) -> None:
        self.routes = routes
        self.free = threading.BoundedSemaphore(MAX_REQUESTS)
        with contextlib.suppress(ValueError):
            if ipaddress.ip_address(address[0]).version == 6:
                self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a client that went away is no event, and a route's failure is answered with 500."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "deploytool", ""
    protocol_version = "HTTP/1.0"  # one request a connection: nobody keeps a thread by doing nothing
    timeout: ClassVar[float] = _IDLE_S

    def do_GET(self) -> None:
        if not self.server.free.acquire(blocking=False):
            self._answer(Response(b"too many requests at once\n", status=HTTPStatus.SERVICE_UNAVAILABLE))
            return
        try:
            self._answer(self._asked())
        except OSError:
            pass  # the reader has gone
        finally:
            self.server.free.release()

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not events of the run."""

    def _asked(self) -> Response:
        parts = urlsplit(self.path)
        route = self.server.routes.get(parts.path)
        if route is None:
            return Response(b"no such page\n", status=HTTPStatus.NOT_FOUND)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        headers = {key.lower(): value for key, value in self.headers.items()}
        try:
            return route(Request(parts.path, query, headers))
        except Exception as error:
            text = f"{type(error).__name__} in this page\n"
            return Response(text.encode(), status=HTTPStatus.INTERNAL_SERVER_ERROR)

    def _answer(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        for name, value in response.headers.items():
            self.send_header(name, value)
        if isinstance(response.body, bytes):
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            for piece in (response.body,) if isinstance(response.body, bytes) else response.body:
                self.wfile.write(piece)
                self.wfile.flush()
