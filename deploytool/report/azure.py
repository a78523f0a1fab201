"""Events as a job's log on Azure Pipelines shows them: groups that fold, and issues for what went wrong.

Source: Microsoft's "Logging commands": the formatting commands, ``task.logissue``, and its escaping rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from deploytool.errors import Problem
from deploytool.model.event import Event, HostLooked, Level, Note, StepFailed
from deploytool.report.group_reporter import GroupReporter

_ESCAPED = str.maketrans({"%": "%AZP25", "\r": "%0D", "\n": "%0A", ";": "%3B", "]": "%5D"})


class AzureReporter(GroupReporter):
    """Folds the looks and the steps into groups. A failure is an issue, and so outside of any group."""

    opening, closing = "##[group]", "##[endgroup]"

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

    def harmless(self, line: str) -> str:
        return _harmless(line)

    def annotations(self, event: Event) -> Iterator[str]:
        return _issues(event)


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
