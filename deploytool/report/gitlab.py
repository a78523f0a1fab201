"""Events as a job's log on GitLab shows them: sections that fold.

Source: GitLab's "Custom collapsible sections". Failures come again after the sections, where they are seen.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping

from deploytool.model.event import Event, Finished, HostLooked, Looking, StepFailed, StepStarted
from deploytool.report.base import Reporter
from deploytool.report.console import event_lines
from deploytool.report.sanitize import sanitize

_ERASE = "\x1b[0K"
_MARK = re.compile(r"section_(start|end):")


class GitLabReporter(Reporter):
    """Folds the looks and the steps into sections. ``clock`` gives seconds since the epoch."""

    has_control_characters = True

    def __init__(self, verbose: int = 0, clock: Callable[[], float] = time.time) -> None:
        super().__init__(verbose)
        self._clock = clock
        self._section = ""
        self._sections = 0
        self._failures: list[str] = []

    @classmethod
    def detected(cls, env: Mapping[str, str]) -> bool:
        return env.get("GITLAB_CI") in ("true", "1")

    def lines(self, event: Event) -> Iterator[str]:
        if isinstance(event, Looking):
            yield from self._begin("look", f"Looking at {len(event.hosts)} hosts", collapsed=True)
        elif isinstance(event, StepStarted):
            yield from self._begin("change", "Changing the hosts", collapsed=False)
        elif isinstance(event, Finished):
            yield from self.end()
        said = [_text(line) for line in event_lines(event, max(1, self.verbose))]
        yield from said
        if isinstance(event, StepFailed) or (isinstance(event, HostLooked) and event.reason):
            self._failures += said

    def end(self) -> Iterator[str]:
        if self._section:
            yield f"{_ERASE}section_end:{int(self._clock())}:{self._section}\r{_ERASE}"
            self._section = ""
        yield from self._failures
        self._failures = []

    def _begin(self, name: str, title: str, *, collapsed: bool) -> Iterator[str]:
        if self._section.startswith(f"deploytool_{name}_"):
            return
        if self._section:
            yield f"{_ERASE}section_end:{int(self._clock())}:{self._section}\r{_ERASE}"
        self._sections += 1  # the name of a section may come once in a job's log
        self._section = f"deploytool_{name}_{self._sections}"
        fold = "[collapsed=true]" if collapsed else ""
        yield f"{_ERASE}section_start:{int(self._clock())}:{self._section}{fold}\r{_ERASE}{title}"


def _text(line: str) -> str:
    return _MARK.sub(r"section \1:", sanitize(line))
