"""``deploytool watch``: wires files, signals, the log, metrics and pages around a ``Watcher``."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from os import environ
from pathlib import Path
from types import FrameType
from typing import Annotated, ClassVar

import click

from deploytool.backend.base import Backend
from deploytool.backend.registry import BackendSettings, open_backend
from deploytool.cli import leave
from deploytool.cli.command import command
from deploytool.cli.options import HostOptions, PolicyOptions, SiteOptions, duration, flag, output_file
from deploytool.cli.output_files import READABLE, replace_file
from deploytool.cli.run_command import policy_of
from deploytool.cli.session import load
from deploytool.cli.watched_files import WatchedFiles
from deploytool.errors import INTERRUPTED, UsageError
from deploytool.load.text.input_log import noted_so_far
from deploytool.model.event import Event
from deploytool.report.metrics import metrics_text
from deploytool.report.registry import WATCH_LOG_FORMATS
from deploytool.run.lease_owner import this_run
from deploytool.run.stamp import stamp
from deploytool.transport.ssh import SshSettings
from deploytool.watch.next_plan import Limits
from deploytool.watch.publisher import Publisher
from deploytool.watch.watcher import Wanted, Watcher, WatchOptions
from deploytool.web.routes import routes_of
from deploytool.web.server import HttpServer, listen_address

# Together below the five seconds that service managers are promised for a stop.
WIND_UP_S, CLOSE_S = 2.5, 1.0
# A host is dead after this many keepalives without an answer, and the one that waits for the last of them.
KEEPALIVES = 4
# Python's own. One that is as high as other commands have it lets what is left of each repair (exceptions and
# threads hold cycles) pile up to megabytes before anyone looks, in a process that runs for months.
GC_THRESHOLD = 700


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchHostOptions(HostOptions):
    """The hosts of ``watch``, which keeps its connections itself for as long as it runs."""

    keep_connections: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPolicyOptions(PolicyOptions):
    """Permissions of a watcher, which reschedules by ``--reschedule-after`` only."""

    reschedule_unreachable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairOptions:
    """Intervals of looks, and limits of repairs. Times are seconds."""

    heading: ClassVar[str] = "Watching"

    resync: Annotated[
        float,
        click.Option(
            ["--resync"], type=duration, default="60s", show_default=True, help="Between full looks."
        ),
    ]
    keepalive: Annotated[
        float,
        click.Option(
            ["--keepalive"],
            type=duration,
            default="3s",
            show_default=True,
            help="Ask a quiet host for a sign of life this often; after four without an answer it is silent.",
        ),
    ]
    reschedule_after: Annotated[
        float | None,
        click.Option(
            ["--reschedule-after"],
            type=duration,
            help="Start replicas of a host that was silent for so long elsewhere; plays may say otherwise.",
        ),
    ] = None
    reload: Annotated[
        bool,
        flag("--reload", help="Take over files as they change; SIGHUP does so, too."),
    ] = False
    restart_budget: Annotated[
        int | None,
        click.Option(
            ["--restart-budget"], type=click.IntRange(1), help="Repairs of a service in ten minutes."
        ),
    ] = None
    force_own: Annotated[
        bool, flag("--force-own", help="Let these files win over somebody else's release.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """Page, metrics and log of a watcher."""

    heading: ClassVar[str] = "Being watched"

    listen: Annotated[
        str | None,
        click.Option(
            ["--listen"],
            metavar="ADDRESS",
            help="Serve a page at /, /metrics, /healthz, /readyz, as on 127.0.0.1:9469.",
        ),
    ] = None
    textfile: Annotated[
        Path | None,
        output_file("--textfile", metavar="FILE.prom", help="Write the metrics here, for node_exporter."),
    ] = None
    log_format: Annotated[
        str,
        click.Option(
            ["--log-format"], type=click.Choice(list(WATCH_LOG_FORMATS)), show_default=True, help="On stderr."
        ),
    ] = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchCommandOptions(SiteOptions):
    """Options of ``watch``."""

    hosts: WatchHostOptions
    policy: WatchPolicyOptions
    repair: RepairOptions
    serve: ServeOptions


@command(WatchCommandOptions)
def watch(options: WatchCommandOptions) -> int:
    """Keep the hosts as the playbook says, until it is stopped.

    Example: deploytool watch inventories/lab.yaml --listen 127.0.0.1:9469
    """
    gc.set_threshold(GC_THRESHOLD)
    textfile = _textfile(options.serve.textfile)
    files = WatchedFiles()

    def read() -> Wanted:
        loaded = files.read(lambda: load(options.files))
        made_from = noted_so_far()
        policy = replace(policy_of(loaded.intent, options), stamp=stamp(loaded.folder, environ))
        return Wanted(loaded.intent, policy, made_from)

    wanted = read()
    backend = open_backend("compose", BackendSettings(_settings(options, wanted)))
    watcher = _watcher(options, wanted, backend, read, files)
    with ExitStack() as around:
        _publish(options.serve, textfile, watcher, around)
        asked = _signals(watcher)
        watcher.run()
        watcher.finish(WIND_UP_S)

    def close() -> None:
        watcher.close()
        backend.close(options.hosts.forks)

    _in_a_thread(close).join(CLOSE_S)
    leave(INTERRUPTED if signal.SIGINT in asked else 0)
    return 0


def _watcher(
    options: WatchCommandOptions,
    wanted: Wanted,
    backend: Backend,
    read: Callable[[], Wanted],
    files: WatchedFiles,
) -> Watcher:
    return Watcher(
        wanted,
        backend,
        this_run("watch", environ, yields=True),
        _log(options.serve.log_format, options.files.verbose),
        _in_a_thread,
        read,
        files.changed if options.repair.reload else lambda: False,
        WatchOptions(
            resync_s=options.repair.resync,
            limits=Limits(options.repair.reschedule_after, options.repair.restart_budget),
            force_own=options.repair.force_own,
            forks=options.hosts.forks,
        ),
    )


def _publish(serve: ServeOptions, textfile: Path | None, watcher: Watcher, around: ExitStack) -> None:
    """Serve the page and metrics, and write the metrics' file, for as long as ``around`` is open."""
    if serve.listen:
        server = around.enter_context(_server(serve.listen, watcher))
        watcher.say(f"listening on port {server.port}")
    if textfile:
        _in_a_thread(lambda: _write_on(textfile, watcher.publisher))


def _settings(options: WatchCommandOptions, wanted: Wanted) -> SshSettings:
    """SSH settings. Keepalives notice a dead host before its replicas are due to be rescheduled."""
    afters = [project.reschedule_after_s for project in wanted.intent.projects]
    times = [after_s for after_s in (*afters, options.repair.reschedule_after) if after_s]
    keepalive_s = min([options.repair.keepalive, *(after_s / KEEPALIVES for after_s in times)])
    return SshSettings(
        connect_timeout_s=options.hosts.connect_timeout,
        accept_new_host_keys=options.hosts.accept_new_host_keys,
        keepalive_s=max(1, int(keepalive_s)) if options.repair.keepalive else 0,
    )


def _log(name: str, verbose: int) -> Callable[[Event], None]:
    form = WATCH_LOG_FORMATS[name]

    def tell(event: Event) -> None:
        for line in form(event, time.time(), verbose):
            click.echo(line, err=True)

    return tell


def _in_a_thread(work: Callable[[], object]) -> threading.Thread:
    """Run in a daemon thread: it ends with the process, even while it waits for a host."""
    thread = threading.Thread(target=work, name="work", daemon=True)
    thread.start()
    return thread


def _server(listen: str, watcher: Watcher) -> HttpServer:
    try:
        address = listen_address(listen)
    except ValueError as error:
        raise UsageError(f"--listen: {error}") from None
    return HttpServer(address, routes_of(watcher.publisher, watcher.seconds_since_turn))


def _textfile(path: Path | None) -> Path | None:
    """
    Raises:
        UsageError: node_exporter would not read it, or it cannot be written.
    """
    if path is None:
        return None
    if path.suffix != ".prom":
        raise UsageError(f"--textfile: node_exporter reads only *.prom, not {path.name}")
    replace_file(path, b"", "--textfile", READABLE)
    return path


def _write_on(path: Path, publisher: Publisher) -> None:
    """Write each snapshot, no more than one a second."""
    version = 0
    while not publisher.closed:
        snapshot = publisher.after(version, 60.0)
        if snapshot:
            version = snapshot.version
            try:
                replace_file(path, metrics_text(snapshot, process=False), "--textfile", READABLE)
            except UsageError as error:
                click.echo(f"warning: {error.message}", err=True)
            time.sleep(1.0)


def _signals(watcher: Watcher) -> list[int]:
    """Install the signal handlers. The list fills with those that ask to stop; a second one ends at once."""
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if asked:
            leave(INTERRUPTED)
        asked.append(number)
        watcher.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, lambda number, frame: watcher.reload())
    return asked
