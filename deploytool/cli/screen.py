"""The queue of a run's events: put in from any thread, printed by one, on stderr or as JSON on stdout."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Iterator
from os import environ
from types import TracebackType

import click

from deploytool.cli.ci_outputs import run_record
from deploytool.cli.options import SiteOptions
from deploytool.model.event import Event
from deploytool.report.progress import Progress
from deploytool.report.registry import RUN_FORMATS, reporter_of
from deploytool.report.run_summary import RunSummary
from deploytool.report.sanitize import sanitize


class Screen:
    """A context that prints events; leaving it prints those that are left.

    ``progress`` is a reporter's name, ``output`` a format's. ``summary`` adds up the events, and is whole
    after ``drain``.
    """

    def __init__(
        self,
        output: str = "text",
        verbose: int = 0,
        progress: str = "auto",
        summary: RunSummary | None = None,
    ) -> None:
        self._summary = RunSummary() if summary is None else summary
        self._format = RUN_FORMATS[output]()
        self._reporter = reporter_of(progress, environ, terminal=sys.stderr.isatty())(verbose)
        self._progress = Progress()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def emit(self, event: Event) -> None:
        self._events.put(event)

    def __enter__(self) -> Screen:
        self.resume()
        return self

    def resume(self) -> None:
        """Print events: those that wait, and the ones to come."""
        self._thread = threading.Thread(target=self._show_all, name="screen", daemon=True)
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drain()
        self._print(self._reporter.end())

    def drain(self) -> None:
        """Print the events that wait, and stop. A prompt or a result may follow."""
        if self._thread:
            self._events.put(None)
            self._thread.join()
            self._thread = None

    def _show_all(self) -> None:
        if self._reporter.is_live and not self._format.takes_events:
            self._show_live()
        else:
            while (event := self._events.get()) is not None:
                self._show(event)

    def _show_live(self) -> None:
        from deploytool.cli.live_display import (  # only terminals need rich, which is slow to import
            REFRESH_S,
            LiveDisplay,
        )

        with LiveDisplay(self._progress) as live:
            while True:
                try:
                    event = self._events.get(timeout=REFRESH_S)
                except queue.Empty:
                    live.refresh()
                    continue
                if event is None:
                    return
                self._progress.add(event, time.monotonic())
                self._summary.add(event)
                live.print(map(sanitize, self._reporter.lines(event)))

    def _show(self, event: Event) -> None:
        self._summary.add(event)
        if self._format.takes_events:
            click.echo(self._format.event(event), nl=False)
        else:
            self._print(self._reporter.lines(event))

    def _print(self, lines: Iterator[str]) -> None:
        as_they_are = self._reporter.has_control_characters
        for line in lines:  # from which click would take these characters away, but for color=True
            click.echo(line if as_they_are else sanitize(line), err=True, color=as_they_are or None)


def screen_of(options: SiteOptions) -> Screen:
    """The screen that the options ask for; its events count for the command's files."""
    shown = options.shown
    return Screen(shown.output, options.files.verbose, shown.progress, run_record().summary)
