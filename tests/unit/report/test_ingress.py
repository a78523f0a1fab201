"""What people and Prometheus are told of the proxies."""

from __future__ import annotations

import json

from deploytool.model.container import Container, HostPort
from deploytool.model.ingress import EDGE
from deploytool.model.intent import Service
from deploytool.model.observed import Observed, ObservedHost
from deploytool.model.status import Route, Row, Status
from deploytool.report.status import status_json, status_text
from deploytool.report.targets import targets_json
from tests.builders import host, project

ROWS = (Row("shop", "web", "h1", 1, 1, 1, 1),)
ROUTES = (Route("h1", "shop/web", "shop-web-1", 2, ""), Route("h1", "shop/web", "h2", 0, "failed active hc"))


def test_status_says_what_each_proxy_thinks() -> None:
    """Beside what runs: to whom requests are sent, how many are under way, and to whom none are."""
    assert status_text(Status(ROWS, routes=ROUTES)).splitlines()[2:7] == [
        "",
        "PROXY  SERVICE   SENDS TO    REQUESTS  STATE",
        "h1     shop/web  shop-web-1  2         healthy",
        "h1     shop/web  h2          0         failed active hc",
        "",
    ]
    (first, second) = json.loads(status_json(Status(ROWS, routes=ROUTES)))["ingress"]
    assert (first["state"], second["state"]) == ("healthy", "failed active hc")


def test_without_ingress_status_says_nothing_of_it() -> None:
    """No empty table."""
    assert "PROXY" not in status_text(Status(ROWS))


def test_prometheus_is_told_of_each_proxy_once() -> None:
    """Whoever uses it; at the port for metrics only."""
    held = tuple(HostPort(port) for port in (80, 15080, 15081))
    holder = Container("x", "net-1", project=EDGE, service="net", spec="1:x", ports=held)
    hosts = (host("h1", address="10.0.0.1", labels={"zone": "a"}), host("h2"))
    projects = [project(Service("web"), hosts=hosts, name=name) for name in ("shop", "blog")]
    seen = Observed({"h1": ObservedHost(containers=(holder,))})
    (found,) = json.loads(targets_json(projects, seen))
    assert found["targets"] == ["10.0.0.1:15081"]
    assert found["labels"]["__metrics_path__"] == "/stats/prometheus"
    assert (found["labels"]["service"], found["labels"]["host_zone"]) == ("envoy", "a")
    assert json.loads(targets_json(projects, seen, ["web"])) == []
