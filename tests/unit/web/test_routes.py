"""The page over HTTP: strict headers, and a stream of what changed."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice

import pytest

from deploytool.watch.publisher import Publisher
from deploytool.web import routes as module
from deploytool.web.routes import page_routes
from deploytool.web.server import Request
from tests.snapshots import fleet
from tests.streams import DEADLINE_S, in_thread


@pytest.fixture
def publisher():
    publisher = Publisher()
    publisher.publish(fleet())
    yield publisher
    publisher.close()


def told(piece: bytes) -> dict:
    return json.loads(piece.decode().partition("data: ")[2])


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/stream"])
def test_every_answer_forbids_what_the_page_does_not_need(publisher, path):
    """Nothing inline, nothing from elsewhere, no form, no frame."""
    headers = page_routes(publisher)[path](Request(path)).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[kind] for kind in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert {policy[kind] for kind in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}


def test_style_and_script_come_with_their_types(publisher):
    """A browser that is told not to guess needs them."""
    kinds = {path: route(Request(path)).content_type for path, route in page_routes(publisher).items()}
    assert kinds == {
        "/": "text/html; charset=utf-8",
        "/page.css": "text/css; charset=utf-8",
        "/page.js": "text/javascript; charset=utf-8",
        "/stream": "text/event-stream",
    }


def test_the_stream_begins_with_all_and_goes_on_with_what_changed(publisher):
    """With the version that it brings the page to."""
    pieces = iter(page_routes(publisher)["/stream"](Request("/stream")).body)
    assert next(pieces).startswith(b"retry: ")
    first = told(next(pieces))
    assert (first["version"], set(first["sections"])) == (1, {"summary", "projects", "actions"})
    publisher.publish(replace(fleet(), converging=True))
    second = told(next(pieces))
    assert (second["version"], set(second["sections"])) == (2, {"summary"})


def test_a_quiet_stream_says_a_word_now_and_then(publisher, monkeypatch):
    """So that the server notices a reader that has gone."""
    monkeypatch.setattr(module, "QUIET_S", 0.01)
    pieces = page_routes(publisher)["/stream"](Request("/stream")).body
    assert list(islice(pieces, 3))[2] == b": quiet\n\n"


def test_the_stream_ends_with_the_watcher(publisher):
    """Nobody waits for what will not come."""
    pieces = iter(page_routes(publisher)["/stream"](Request("/stream")).body)
    next(pieces), next(pieces)
    rest: list[bytes] = []
    reader = in_thread(lambda: rest.extend(pieces))
    publisher.close()
    reader.join(DEADLINE_S)
    assert not reader.is_alive()


def test_health_is_the_age_of_the_last_turn(publisher):
    """A watcher that is stuck is restarted by whoever asks; one that plans a large fleet is not."""
    for silent_s, status in ((0.0, 200), (59.0, 200), (61.0, 503)):
        route = module.routes_of(publisher, lambda silent_s=silent_s: silent_s)["/healthz"]
        assert route(Request("/healthz")).status == status


def test_it_is_ready_when_every_host_was_looked_at(publisher):
    """And the metrics are served beside the page."""
    routes = module.routes_of(publisher, lambda: 0.0)
    publisher.publish(replace(fleet(), ready=False))
    assert routes["/readyz"](Request("/readyz")).status == 503
    publisher.publish(replace(fleet(), ready=True))
    assert routes["/readyz"](Request("/readyz")).status == 200
    assert b"deploytool_watch_ready 1.0" in routes["/metrics"](Request("/metrics")).body
    assert set(routes) > set(page_routes(publisher))
