"""Events as a job's log on Azure Pipelines shows them: groups that fold, and issues for what went wrong.

Source: Microsoft's "Logging commands": the formatting commands, ``task.logissue``, and its escaping rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from deploytool.errors import Problem
from deploytool.model.event import Event, Finished, HostLooked, Level, Looking, Note, StepFailed, StepStarted
from deploytool.report.base import Reporter
from deploytool.report.console import event_lines

_ESCAPED = str.maketrans({"%": "%AZP25", "\r": "%0D", "\n": "%0A", ";": "%3B", "]": "%5D"})


class AzureReporter(Reporter):
    """Folds the looks and the steps into groups. A failure is an issue, and so outside of any group."""

    def __init__(self, verbose: int = 0) -> None:
        super().__init__(verbose)
        self._group = ""

    @classmethod
    def detected(cls, env: Mapping[str, str]) -> bool:
        return env.get("TF_BUILD", "").lower() in ("true", "1")

    @classmethod
    def problem_lines(cls, problems: Iterable[Problem]) -> Iterator[str]:
        for problem in problems:
            place = problem.place
            where = {"sourcepath": place.file, "linenumber": place.line, "columnnumber": place.column}
            message = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
            yield _issue("error", message, {key: str(value) for key, value in where.items() if value})

    def lines(self, event: Event) -> Iterator[str]:
        if isinstance(event, Looking):
            yield from self._begin(f"Looking at {len(event.hosts)} hosts")
        elif isinstance(event, StepStarted):
            yield from self._begin("Changing the hosts")
        elif isinstance(event, Finished):
            yield from self.end()
        yield from (_harmless(line) for line in event_lines(event, max(1, self.verbose)))
        yield from _issues(event)

    def end(self) -> Iterator[str]:
        if self._group:
            self._group = ""
            yield "##[endgroup]"

    def _begin(self, title: str) -> Iterator[str]:
        if self._group != title:
            yield from self.end()
            self._group = title
            yield f"##[group]{title}"


def _issues(event: Event) -> Iterator[str]:
    if isinstance(event, StepFailed):
        yield _issue("error", f"{event.step.host}: failed {event.step.kind.doing}: {event.reason}")
    elif isinstance(event, HostLooked) and event.reason:
        yield _issue("warning", f"{event.host} is unreachable: {event.reason}")
    elif isinstance(event, Note) and event.level != Level.INFO:
        yield _issue("warning", event.message)


def _issue(kind: str, message: str, where: Mapping[str, str] | None = None) -> str:
    properties = {"type": kind, **(where or {})}
    written = "".join(f"{key}={value.translate(_ESCAPED)};" for key, value in properties.items())
    return f"##vso[task.logissue {written}]{message.translate(_ESCAPED)}"


def _harmless(line: str) -> str:
    """A line that the agent takes for text: it looks for both forms of a command anywhere in a line."""
    return line.replace("##[", "## [").replace("##vso[", "## vso[")
