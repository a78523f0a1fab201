"""Where events become visible: progress on stderr, a spinner on a terminal, plain lines elsewhere."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterable
from types import TracebackType

import click

from deploytool.model.event import Event, HostLooked, StepDone, StepFailed, StepStarted
from deploytool.report.console import event_json, event_lines


class Screen:
    """Takes events from any thread and shows them from one. A context: leaving it shows all that is left."""

    def __init__(self, output: str = "text", verbose: int = 0) -> None:
        self._output, self._verbose = output, verbose
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

    def drain(self) -> None:
        """Show what is waiting, and stop showing. A prompt or a result may follow."""
        if self._thread:
            self._events.put(None)
            self._thread.join()
            self._thread = None

    def pause(self) -> None:
        """Let a prompt have the terminal; events after it are shown again."""
        self.drain()
        self.resume()

    def _show_all(self) -> None:
        spinner = _Spinner(enabled=self._output == "text" and sys.stderr.isatty())
        with spinner:
            while (event := self._events.get()) is not None:
                if self._output == "jsonl":
                    click.echo(event_json(event))
                else:
                    spinner.follow(event)
                    spinner.print(event_lines(event, self._verbose))


class _Spinner:
    """One line at the bottom that says what is being waited for."""

    def __init__(self, *, enabled: bool) -> None:
        self._status = None
        if enabled:
            from rich.console import Console

            self._console = Console(stderr=True, highlight=False, soft_wrap=True)
            if self._console.is_terminal and not self._console.is_dumb_terminal:
                self._status = self._console.status("Looking at the hosts")
        self._looked = 0
        self._active: dict[str, str] = {}

    def __enter__(self) -> _Spinner:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *ignored: object) -> None:
        if self._status:
            self._status.stop()

    def follow(self, event: Event) -> None:
        if isinstance(event, HostLooked):
            self._looked += 1
        elif isinstance(event, StepStarted):
            self._active[event.step.id] = (
                f"{event.step.host} {event.step.kind.value} {event.step.service}".strip()
            )
        elif isinstance(event, (StepDone, StepFailed)):
            self._active.pop(event.step.id, None)
        if self._status:
            waiting = ", ".join(list(self._active.values())[:3])
            more = f" and {len(self._active) - 3} more" if len(self._active) > 3 else ""
            looked = f"{self._looked} hosts looked at" if self._looked else "Working"
            self._status.update(f"{waiting}{more}" or looked)

    def print(self, lines: Iterable[str]) -> None:
        for line in lines:
            if self._status:
                self._console.print(line, markup=False)
            else:
                click.echo(line, err=True)
