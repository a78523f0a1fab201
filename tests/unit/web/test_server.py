"""The HTTP server and the publisher: what a page about a run is built on."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator

import pytest

from deploytool.errors import UsageError
from deploytool.model.snapshot import Snapshot
from deploytool.watch.publisher import Publisher
from deploytool.web.server import HttpServer, Request, Response, listen_address


def broken(request: Request) -> Response:
    raise KeyError("secret")


@pytest.fixture
def server() -> Iterator[HttpServer]:
    publisher = Publisher()

    def stream() -> Iterator[bytes]:
        version = 0
        while not publisher.closed:
            snapshot = publisher.after(version, 5)
            if snapshot:
                version = snapshot.version
                yield f"{version}\n".encode()

    routes = {
        "/": lambda request: Response(request.query.get("q", "none").encode(), "text/html"),
        "/broken": broken,
        "/stream": lambda request: Response(stream()),
    }
    with HttpServer(("127.0.0.1", 0), routes) as made:
        made.publisher = publisher
        yield made
    publisher.close()


def get(server: HttpServer, path: str, method: str = "GET") -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def test_a_route_sees_the_query_and_says_its_type(server):
    """The path is exact; the query is the route's own business."""
    status, body, headers = get(server, "/?q=a%20b&q=c")
    assert (status, body, headers["Content-Type"]) == (200, b"c", "text/html")
    assert get(server, "/", "HEAD")[1] == b""


def test_unknown_pages_other_methods_and_broken_routes_are_answered(server):
    """404, 501 and 500; what went wrong inside is not shown to the reader."""
    assert get(server, "/nothing")[0] == 404
    assert get(server, "/", "POST")[0] == 501
    status, body, _ = get(server, "/broken")
    assert (status, b"secret" in body) == (500, False)


def test_a_stream_sends_each_snapshot_as_it_is_published(server):
    """Nothing is buffered, and a reader that goes frees its thread with the next piece."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/stream")
    answer = connection.getresponse()
    for expected in (b"1\n", b"2\n", b"3\n"):
        server.publisher.publish(Snapshot())
        assert answer.fp.readline() == expected


def test_waiting_for_a_snapshot_ends_with_one_with_the_deadline_or_with_the_board():
    """Readers are never stuck, and a publisher that is closed lets all of them go."""
    publisher = Publisher()
    assert publisher.after(0, 0.01) is None
    found: list[Snapshot | None] = []
    readers = [threading.Thread(target=lambda: found.append(publisher.after(1, 30))) for _ in range(3)]
    publisher.publish(Snapshot(ready=True))
    assert publisher.after(0, 30).ready
    for reader in readers:
        reader.start()
    publisher.close()
    for reader in readers:
        reader.join(20)
    assert found == [None, None, None]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9469", ("127.0.0.1", 9469)),
        ("9469", ("127.0.0.1", 9469)),
        ("[::1]:80", ("::1", 80)),
        (":9469", ("0.0.0.0", 9469)),
        ("localhost:1", ("localhost", 1)),
    ],
)
def test_addresses_are_read_as_people_write_them(text, address):
    """A port alone is loopback: nothing is open to others by accident."""
    assert listen_address(text) == address


@pytest.mark.parametrize("text", ["", "x", "1.2.3.4:", "1.2.3.4:99999", "::1:80"])
def test_what_is_no_address_is_refused(text):
    """With an example of one."""
    with pytest.raises(ValueError, match="not an address"):
        listen_address(text)


def test_a_taken_port_is_a_sentence(server):
    """Not a traceback; the way out names the option."""
    with pytest.raises(UsageError, match="cannot listen on"):
        HttpServer(("127.0.0.1", server.port), {})
