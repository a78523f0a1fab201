"""Published ports as scrape targets."""

from __future__ import annotations

import json

from deploytool.model.container import Container, HostPort
from deploytool.model.ingress import INGRESS_PROJECT
from deploytool.model.intent import Service
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from deploytool.report.targets import targets_json
from tests.builders import host, project


def test_targets_are_the_published_ports_of_running_replicas():
    """With labels that say which; what does not run, is not ours or is UDP is none."""
    hosts = [
        host("h1", address="10.0.0.1", labels={"rack-no": "r1"}),
        host("h2", address="fd00::2"),
        host("h3"),
    ]
    shop = project(Service("web"), Service("db"), hosts=hosts)

    def container(name: str, **fields: object) -> Container:
        ports = (HostPort(8080), HostPort(53, "udp"))
        known = {"project": "shop", "service": "web", "spec": "1:a", "ports": ports}
        return Container(name, name, **{**known, **fields})

    observed = {
        "h1": ObservedHost(
            containers=(
                container("shop-web-1"),
                container("shop-web-2", state="exited"),
                container("other", project="other"),
                container("foreign", spec=""),
            )
        ),
        "h2": ObservedHost(containers=(container("shop-db-1", service="db"),)),
        "h3": Unreachable("no answer"),
    }
    listed = json.loads(targets_json([shop], Observed(observed)))
    assert [entry["targets"] for entry in listed] == [["10.0.0.1:8080"], ["[fd00::2]:8080"]]
    assert listed[0]["labels"] == {
        "host": "h1",
        "host_rack_no": "r1",
        "project": "shop",
        "replica": "shop-web-1",
        "service": "web",
    }
    (only,) = json.loads(targets_json([shop], Observed(observed), {"db"}))
    assert only["labels"]["service"] == "db"


def test_prometheus_is_told_of_each_proxy_once() -> None:
    """Whoever uses it; at the port for metrics only."""
    held = tuple(HostPort(port) for port in (80, 15080, 15081))
    holder = Container("x", "net-1", project=INGRESS_PROJECT, service="net", spec="1:x", ports=held)
    hosts = (host("h1", address="10.0.0.1", labels={"zone": "a"}), host("h2"))
    projects = [project(Service("web"), hosts=hosts, name=name) for name in ("shop", "blog")]
    seen = Observed({"h1": ObservedHost(containers=(holder,))})
    (found,) = json.loads(targets_json(projects, seen))
    assert found["targets"] == ["10.0.0.1:15081"]
    assert found["labels"]["__metrics_path__"] == "/stats/prometheus"
    assert (found["labels"]["service"], found["labels"]["host_zone"]) == ("envoy", "a")
    assert json.loads(targets_json(projects, seen, ["web"])) == []
