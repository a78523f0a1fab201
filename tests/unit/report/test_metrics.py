"""A watcher's metrics, as Prometheus reads them."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploytool.model.release import Release
from deploytool.model.snapshot import Counts, Snapshot, WatchedHost, WatchedProject, WatchedService
from deploytool.report.metrics import metrics_text

SNAPSHOT = Snapshot(
    ready=True,
    begun_s=5.0,
    problem='site.yaml:3: unknown key "x"',
    hosts=(WatchedHost("h1", True, follows=True), WatchedHost('h"2\\', False), WatchedHost("h3")),
    projects=(
        WatchedProject("shop", release=Release(12, "abc")),
        WatchedProject("blog", drift=("web",)),
        WatchedProject("wiki", waits="another run"),
        WatchedProject("mail", backing_off=True),
    ),
    services=(
        WatchedService("shop", "web", {"h1": 2, "h3": 1}, {"h1": 2, "h2": 1}, {"h1": 1}, backoff_until_s=9.0),
        WatchedService("shop", "gone"),
    ),
    counts=Counts(
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
