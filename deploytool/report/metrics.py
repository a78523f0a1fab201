"""A watcher's snapshot → metrics in Prometheus' text format, named by its conventions. Keeps no state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from deploytool import __version__
from deploytool.model.snapshot import DURATIONS_S, Counts, Snapshot, WatchedService

CONTENT_TYPE = CONTENT_TYPE_LATEST

_REPLICA = ("project", "service", "host")
_SERVICE = ("project", "service")


def metrics_text(snapshot: Snapshot, process: bool = True) -> bytes:
    """All metrics in the text format. ``process``: those of this process, too (CPU, memory, files)."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(snapshot))
    if process:
        ProcessCollector(namespace="deploytool", registry=registry)
    return generate_latest(registry)


class _Snapshot(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        snapshot = self._snapshot
        yield _gauge("build_info", "The version that runs.", ("version",), [((__version__,), 1)])
        yield _single("watch_start_time_seconds", "When the watcher began.", snapshot.begun_s)
        yield _single("watch_ready", "1 when every host was looked at once.", snapshot.ready)
        yield _single("watch_files_ok", "0 where the files are broken now.", not snapshot.problem)
        yield _single(
            "last_success_timestamp_seconds",
            "When last nothing differed, or a change went well.",
            snapshot.last_success_s,
        )
        yield _single(
            "last_converge_timestamp_seconds", "When the last change ended.", snapshot.last_converge_s
        )
        yield from _hosts(snapshot)
        yield from _projects(snapshot)
        yield from _services(snapshot.services)
        yield from _counts(snapshot.counts)


def _hosts(snapshot: Snapshot) -> Iterator[Metric]:
    yield _gauge(
        "host_reachable",
        "1 where the host answers.",
        ("host",),
        [((host.name,), bool(host.reachable)) for host in snapshot.hosts],
    )
    yield _gauge(
        "host_followed",
        "1 where the host's events arrive as they happen.",
        ("host",),
        [((host.name,), host.follows) for host in snapshot.hosts],
    )
    yield _gauge(
        "host_doubtful",
        "1 where so many replicas failed lately that the host is chosen last.",
        ("host",),
        [((host.name,), host.doubtful) for host in snapshot.hosts],
    )


def _projects(snapshot: Snapshot) -> Iterator[Metric]:
    yield _gauge(
        "project_converged",
        "1 where nothing differs from what the files say.",
        ("project",),
        [((p.name,), p.as_wanted) for p in snapshot.projects],
    )
    yield _gauge(
        "project_waiting",
        "1 where it is not to be as its files say: another run, other files, a refusal, a rollback.",
        ("project",),
        [((p.name,), bool(p.waits)) for p in snapshot.projects],
    )
    yield _gauge(
        "project_release",
        "The number of the newest release on the hosts.",
        ("project",),
        [((p.name,), p.release.number) for p in snapshot.projects if p.release],
    )


def _services(services: Iterable[WatchedService]) -> Iterator[Metric]:
    listed = list(services)
    for name, what, counts in (
        ("desired", "that are wanted", [service.desired for service in listed]),
        ("running", "that run", [service.running for service in listed]),
        ("healthy", "that run and are not unhealthy", [service.healthy for service in listed]),
    ):
        rows = [
            ((service.project, service.name, host), of_service.get(host, 0))
            for service, of_service in zip(listed, counts, strict=True)
            for host in sorted({*service.desired, *service.running})
        ]
        yield _gauge(f"service_replicas_{name}", f"Replicas {what}, by host.", _REPLICA, rows)
    yield _gauge(
        "service_resting",
        "1 where the service is left alone after repairs that did not help.",
        _SERVICE,
        [((service.project, service.name), service.backoff_until_s > 0) for service in listed],
    )


def _counts(counts: Counts) -> Iterator[Metric]:
    yield _counter("looks", "Looks at hosts.", (), [((), counts.looks)])
    yield _counter("reloads", "How often the files were read again.", (), [((), counts.reloads)])
    yield _counter("host_events", "Events of containers that arrived.", ("host",), _by_name(counts.events))
    yield _counter("drift", "Repairs that were begun.", _SERVICE, counts.drifts.items())
    yield _counter("steps", "Steps that were done.", _SERVICE, counts.steps.items())
    yield _counter("step_failures", "Steps that failed.", _SERVICE, counts.failures.items())
    outcomes = dict.fromkeys(("ok", "failed", "held", "refused", "lost"), 0) | dict(counts.converges)
    yield _counter("converges", "Changes that ended, by outcome.", ("outcome",), _by_name(outcomes))
    total = sum(counts.converges.values())
    buckets = [(str(bound), float(counts.seconds.get(bound, 0))) for bound in DURATIONS_S]
    family = HistogramMetricFamily("deploytool_converge_duration_seconds", "How long changes took.")
    family.add_metric((), [*buckets, ("+Inf", float(total))], sum_value=counts.seconds_sum)
    yield family


def _by_name(counts: Mapping[str, int]) -> list[tuple[tuple[str], int]]:
    return [((name,), number) for name, number in sorted(counts.items())]


Rows = Iterable[tuple[tuple[str, ...], float]]


def _single(name: str, what: str, value: float) -> Metric:
    return _gauge(name, what, (), [((), value)])


def _gauge(name: str, what: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    family = GaugeMetricFamily(f"deploytool_{name}", what, labels=labels)
    for values, value in rows:
        family.add_metric(values, float(value))
    return family


def _counter(name: str, what: str, labels: tuple[str, ...], rows: Rows) -> Metric:
    family = CounterMetricFamily(f"deploytool_{name}", what, labels=labels)
    for values, value in rows:
        family.add_metric(values, float(value))
    return family
