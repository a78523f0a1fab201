"""A job's log whose lines fold in groups, with annotations for failures, as several CI systems show it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from deploytool.model.event import Event, Finished, Looking, StepStarted
from deploytool.report.base import Reporter
from deploytool.report.console import event_lines


class GroupReporter(Reporter):
    """Folds the looks and the steps into groups, between ``opening`` with a title and ``closing``."""

    opening: ClassVar[str]
    closing: ClassVar[str]

    def __init__(self, verbose: int = 0) -> None:
        super().__init__(verbose)
        self._group = ""

    @abstractmethod
    def harmless(self, line: str) -> str:
        """A line of foreign text that the CI system does not take for a command."""

    @abstractmethod
    def annotations(self, event: Event) -> Iterator[str]:
        """The lines that mark an event as an error or a warning of the job; none for most."""

    def lines(self, event: Event) -> Iterator[str]:
        if isinstance(event, Looking):
            yield from self._begin(f"Looking at {len(event.hosts)} hosts")
        elif isinstance(event, StepStarted):
            yield from self._begin("Changing the hosts")
        elif isinstance(event, Finished):
            yield from self.end()
        yield from (self.harmless(line) for line in event_lines(event, max(1, self.verbose)))
        yield from self.annotations(event)

    def end(self) -> Iterator[str]:
        if self._group:
            self._group = ""
            yield self.closing

    def _begin(self, title: str) -> Iterator[str]:
        if self._group != title:
            yield from self.end()
            self._group = title
            yield f"{self.opening}{title}"
