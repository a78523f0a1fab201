"""The page about a run, over HTTP: the document, its style and script, and the stream that keeps it new."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

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


def page_routes(board: Publisher) -> Mapping[str, Route]:
    """What to serve for ``/`` and what it needs; all of it read-only."""
    return {
        "/": lambda request: _answer(page(board.snapshot), "text/html"),
        "/page.css": lambda request: _answer(_file("page.css"), "text/css"),
        "/page.js": lambda request: _answer(_file("page.js"), "text/javascript"),
        "/stream": lambda request: Response(_events(board), "text/event-stream", headers=HEADERS),
    }


def _answer(text: str, kind: str) -> Response:
    return Response(text.encode(), f"{kind}; charset=utf-8", headers=HEADERS)


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _events(board: Publisher) -> Iterator[bytes]:
    """Server-sent events: first all sections, then those that changed."""
    sent: dict[str, str] = {}
    version = -1
    yield b"retry: 2000\n\n"
    while not board.closed:
        snapshot = board.after(version, QUIET_S)
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
