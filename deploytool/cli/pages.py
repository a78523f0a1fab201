"""What a watcher serves over HTTP: metrics, whether it lives and is ready, and the page for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from deploytool.report.metrics import CONTENT_TYPE, metrics_text
from deploytool.watch.publisher import Publisher
from deploytool.web.routes import page_routes
from deploytool.web.server import Request, Response, Route

# The deciding thread looks at its inbox every two seconds at the latest; planning a large fleet takes a few.
STUCK_AFTER_S = 60.0


def routes_of(board: Publisher, seconds_since_beat: Callable[[], float]) -> Mapping[str, Route]:
    """Path → page. ``seconds_since_beat`` is how long ago the watcher last came round."""

    def metrics(request: Request) -> Response:
        return Response(metrics_text(board.snapshot), CONTENT_TYPE)

    def healthz(request: Request) -> Response:
        silent_s = seconds_since_beat()
        if silent_s < STUCK_AFTER_S:
            return Response(b"ok\n")
        text = f"the watcher did not come round for {silent_s:.0f} s\n"
        return Response(text.encode(), status=HTTPStatus.SERVICE_UNAVAILABLE)

    def readyz(request: Request) -> Response:
        if board.snapshot.ready:
            return Response(b"ok\n")
        return Response(b"not every host was looked at yet\n", status=HTTPStatus.SERVICE_UNAVAILABLE)

    return {"/metrics": metrics, "/healthz": healthz, "/readyz": readyz, **page_routes(board)}
