"""Where events become visible: taken from any thread, shown from one, on stderr; as JSON on stdout."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from types import TracebackType

import click

from deploytool.cli.ci_outputs import keep
from deploytool.cli.options import SiteOptions
from deploytool.cli.progress import reporter_for
from deploytool.model.event import Event
from deploytool.report.console import event_json
from deploytool.report.progress import Progress
from deploytool.report.run_summary import RunSummary
from deploytool.report.sanitize import printable


class Screen:
    """Shows events while it is entered; leaving it shows all that is left.

    ``progress`` is how: see ``cli.progress``. ``tally`` is what became of all hosts, whole after ``drain``.
    """

    def __init__(
        self,
        output: str = "text",
        verbose: int = 0,
        progress: str = "auto",
    ) -> None:
        self.tally = RunSummary()
        self._json = output == "jsonl"
        self._kind, self._reporter = reporter_for(progress, verbose)
        self._progress = Progress()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def emit(self, event: Event) -> None:
        self._events.put(event)

    def __enter__(self) -> Screen:
        self.resume()
        return self

    def resume(self) -> None:
        """Show events, from now on and those that are waiting."""
        self._thread = threading.Thread(target=self._show_all, name="screen", daemon=True)
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drain()
        self._print(self._reporter.end())

    def drain(self) -> None:
        """Show what is waiting, and stop showing. A prompt or a result may follow."""
        if self._thread:
            self._events.put(None)
            self._thread.join()
            self._thread = None

    def _show_all(self) -> None:
        if self._kind == "live" and not self._json:
            self._show_live()
        else:
            while (event := self._events.get()) is not None:
                self._show(event)

    def _show_live(self) -> None:
        from deploytool.cli.live import REFRESH_S, Live  # rich takes its time, and only terminals need it

        with Live(self._progress) as live:
            while True:
                try:
                    event = self._events.get(timeout=REFRESH_S)
                except queue.Empty:
                    live.refresh()
                    continue
                if event is None:
                    return
                self._progress.add(event, time.monotonic())
                self.tally.add(event)
                live.print(map(printable, self._reporter.lines(event)))

    def _show(self, event: Event) -> None:
        self.tally.add(event)
        if self._json:
            click.echo(event_json(event))
        else:
            self._print(self._reporter.lines(event))

    def _print(self, lines: Iterator[str]) -> None:
        marked = self._kind == "gitlab"  # its marks are control characters, which click would take away
        for line in lines:
            click.echo(line if marked else printable(line), err=True, color=marked or None)


def screen_of(options: SiteOptions) -> Screen:
    """The screen that the options ask for. Its tally is kept for the end."""
    screen = Screen(options.shown.output, options.files.verbose, options.shown.progress)
    keep(screen.tally)
    return screen
