"""Metrics, the log and scrape targets: what programs read about a watcher."""

from __future__ import annotations

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploytool.model.container import Container, HostPort
from deploytool.model.event import HostLooked, Note, StepDone, StepFailed, StepStarted
from deploytool.model.intent import Service
from deploytool.model.observed import Observed, ObservedHost, Unreachable
from deploytool.model.plan import Step, StepKind
from deploytool.model.release import Release
from deploytool.model.snapshot import RunSummary, Snapshot, WatchedHost, WatchedProject, WatchedService
from deploytool.report.metrics import metrics_text
from deploytool.report.registry import WATCH_LOG_FORMATS
from deploytool.report.targets import targets_json
from tests.builders import host, project

SNAPSHOT = Snapshot(
    ready=True,
    begun_s=5.0,
    problem='site.yaml:3: unknown key "x"',
    hosts=(WatchedHost("h1", True, follows=True), WatchedHost('h"2\\', False), WatchedHost("h3")),
    projects=(
        WatchedProject("shop", release=Release(12, "abc")),
        WatchedProject("blog", drift=("web",)),
        WatchedProject("wiki", waits="another run"),
        WatchedProject("mail", rests=True),
    ),
    services=(
        WatchedService("shop", "web", {"h1": 2, "h3": 1}, {"h1": 2, "h2": 1}, {"h1": 1}, rests_s=9.0),
        WatchedService("shop", "gone"),
    ),
    tally=RunSummary(
        converges={"ok": 3, "failed": 1},
        seconds={0.5: 1, 1.0: 2, 300.0: 4},
        seconds_sum=9.5,
        drifts={("shop", "web"): 4},
        events={"h1": 7},
        looks=20,
    ),
)


def samples(process: bool = False) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Name and sorted labels → value, as Prometheus' own parser reads the text."""
    text = metrics_text(SNAPSHOT, process).decode()
    return {
        (sample.name.removeprefix("deploytool_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("service_replicas_desired", {"project": "shop", "service": "web", "host": "h1"}, 2),
        ("service_replicas_running", {"project": "shop", "service": "web", "host": "h3"}, 0),
        ("service_replicas_desired", {"project": "shop", "service": "web", "host": "h2"}, 0),
        ("service_replicas_running", {"project": "shop", "service": "web", "host": "h2"}, 1),
        ("service_replicas_healthy", {"project": "shop", "service": "web", "host": "h1"}, 1),
        ("service_resting", {"project": "shop", "service": "web"}, 1),
        ("service_resting", {"project": "shop", "service": "gone"}, 0),
        ("host_reachable", {"host": "h1"}, 1),
        ("host_reachable", {"host": 'h"2\\'}, 0),
        ("host_reachable", {"host": "h3"}, 0),
        ("host_followed", {"host": "h1"}, 1),
        ("project_converged", {"project": "shop"}, 1),
        ("project_converged", {"project": "blog"}, 0),
        ("project_converged", {"project": "wiki"}, 0),
        ("project_converged", {"project": "mail"}, 0),
        ("project_waiting", {"project": "wiki"}, 1),
        ("project_waiting", {"project": "mail"}, 0),
        ("project_release", {"project": "shop"}, 12),
        ("converges_total", {"outcome": "ok"}, 3),
        ("converges_total", {"outcome": "lost"}, 0),
        ("converge_duration_seconds_bucket", {"le": "1.0"}, 2),
        ("converge_duration_seconds_bucket", {"le": "+Inf"}, 4),
        ("converge_duration_seconds_count", {}, 4),
        ("converge_duration_seconds_sum", {}, 9.5),
        ("drift_total", {"project": "shop", "service": "web"}, 4),
        ("host_events_total", {"host": "h1"}, 7),
        ("looks_total", {}, 20),
        ("watch_ready", {}, 1),
        ("watch_files_ok", {}, 0),
        ("watch_start_time_seconds", {}, 5),
    ],
)
def test_every_figure_has_its_metric(name, labels, value):
    """Read back by Prometheus' own parser, labels with quotes and backslashes too."""
    assert samples()[name, tuple(sorted(labels.items()))] == value


def test_the_process_is_measured_where_it_is_scraped_and_not_in_a_textfile():
    """node_exporter would mix up the figures of two processes."""
    assert any(name.startswith("process_") for name, _ in samples(process=True))
    assert not any(name.startswith("process_") for name, _ in samples())


STEP = Step("s1", StepKind.RESTART, "h1", "shop", "shop-web-1 exited (1)", "web", 1)


def logged(event: object, how: str = "json") -> str:
    return "\n".join(WATCH_LOG_FORMATS[how](event, 0.25, 0))


def test_a_line_of_the_log_is_one_object_with_all_that_is_known():
    """Empty fields are left out; secrets cannot be in it, since events carry none."""
    failed = json.loads(logged(StepFailed(STEP, 1.23456, "is unhealthy", "docker logs", ("boom",))))
    assert failed["time"] == "1970-01-01T00:00:00.250Z"
    assert (failed["level"], failed["event"], failed["step"]) == ("error", "StepFailed", "restart")
    assert (failed["host"], failed["project"], failed["service"]) == ("h1", "shop", "web")
    assert (failed["reason"], failed["log"], failed["seconds"]) == ("is unhealthy", ["boom"], 1.235)
    note = json.loads(logged(Note("h2 answers again", "warning", "h2")))
    assert (note["level"], note["message"], note["host"]) == ("warning", "h2 answers again", "h2")
    assert "project" not in note


def test_each_line_of_the_text_log_has_the_time():
    """And what is of no interest has no line."""
    lines = logged(StepFailed(STEP, 1.0, "is unhealthy", "", ("boom",)), "text").splitlines()
    assert len(lines) == 2
    assert all(line.startswith("1970-01-01T00:00:00.250Z ") for line in lines)
    assert logged(StepDone(STEP, 1.0), "text").endswith("h1: shop/web: ready again 1 (1.0 s)")
    assert logged(StepStarted(STEP)) == ""
    assert logged(HostLooked("h1", 0.1)) == ""


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
