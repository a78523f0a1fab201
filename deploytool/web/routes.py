"""All paths that a watcher serves: the page, the stream that keeps it new, metrics and health. Read-only."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path

from deploytool.report.metrics import CONTENT_TYPE, metrics_text
from deploytool.watch.publisher import Publisher
from deploytool.web.page import page, sections
from deploytool.web.server import Response, Route

_HERE = Path(__file__).parent
# Nothing from elsewhere, nothing inline, nowhere to send anything, in nobody's frame.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
QUIET_S = 10.0  # a word now and then, so that a reader that has gone is noticed
PAUSE_S = 0.25  # what changes within it is told together
# The deciding thread looks at its inbox every two seconds at the latest; planning a large fleet takes a few.
STUCK_AFTER_S = 60.0


def routes_of(publisher: Publisher, seconds_since_turn: Callable[[], float]) -> Mapping[str, Route]:
    """Path → route. ``seconds_since_turn`` is the age of the watcher's last turn of its loop."""
    return {
        "/metrics": lambda request: Response(metrics_text(publisher.snapshot), CONTENT_TYPE),
        "/healthz": lambda request: _health(seconds_since_turn()),
        "/readyz": lambda request: _readiness(ready=publisher.snapshot.ready),
        **page_routes(publisher),
    }


def page_routes(publisher: Publisher) -> Mapping[str, Route]:
    """``/`` and the files and stream that it loads."""
    return {
        "/": lambda request: _answer(page(publisher.snapshot), "text/html"),
        "/page.css": lambda request: _answer(_file("page.css"), "text/css"),
        "/page.js": lambda request: _answer(_file("page.js"), "text/javascript"),
        "/stream": lambda request: Response(_events(publisher), "text/event-stream", headers=HEADERS),
    }


def _answer(text: str, kind: str) -> Response:
    return Response(text.encode(), f"{kind}; charset=utf-8", headers=HEADERS)


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _health(silent_s: float) -> Response:
    if silent_s < STUCK_AFTER_S:
        return Response(b"ok\n")
    text = f"the watcher did not come round for {silent_s:.0f} s\n"
    return Response(text.encode(), status=HTTPStatus.SERVICE_UNAVAILABLE)


def _readiness(*, ready: bool) -> Response:
    if ready:
        return Response(b"ok\n")
    return Response(b"not every host was looked at yet\n", status=HTTPStatus.SERVICE_UNAVAILABLE)


def _events(publisher: Publisher) -> Iterator[bytes]:
    """Server-sent events: first all sections, then those that changed."""
    sent: dict[str, str] = {}
    version = -1
    yield b"retry: 2000\n\n"
    while not publisher.closed:
        snapshot = publisher.after(version, QUIET_S)
        if snapshot is None:
            yield b": quiet\n\n"
            continue
        version = snapshot.version
        now = sections(snapshot)
        changed = {name: html for name, html in now.items() if sent.get(name) != html}
        sent = now
        told = {"version": version, "now_s": snapshot.now_s, "sections": changed}
        yield f"event: sections\nid: {version}\ndata: {json.dumps(told)}\n\n".encode()
        time.sleep(PAUSE_S)
