"""Events as a job's log on GitHub shows them: groups that fold, and annotations for what went wrong.

Source: GitHub's "Workflow commands" and the escaping rules of its toolkit (``core.issueCommand``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from deploytool.errors import Problem
from deploytool.model.event import Event, Finished, HostLooked, Level, Looking, Note, StepFailed, StepStarted
from deploytool.report.base import Reporter
from deploytool.report.console import event_lines

MOST_ANNOTATIONS = 10  # GitHub shows no more of a step


class GitHubReporter(Reporter):
    """Folds the looks and the steps into groups. A failure is an annotation, and so outside of any group."""

    def __init__(self, verbose: int = 0) -> None:
        super().__init__(verbose)
        self._group = ""

    @classmethod
    def detected(cls, env: Mapping[str, str]) -> bool:
        return env.get("GITHUB_ACTIONS") in ("true", "1")

    @classmethod
    def summary_file(cls, env: Mapping[str, str]) -> str:
        return env.get("GITHUB_STEP_SUMMARY", "")

    @classmethod
    def problem_lines(cls, problems: Iterable[Problem]) -> Iterator[str]:
        return annotated(islice(problems, MOST_ANNOTATIONS))

    def lines(self, event: Event) -> Iterator[str]:
        if isinstance(event, Looking):
            yield from self._begin(f"Looking at {len(event.hosts)} hosts")
        elif isinstance(event, StepStarted):
            yield from self._begin("Changing the hosts")
        elif isinstance(event, Finished):
            yield from self.end()
        yield from (harmless(line) for line in event_lines(event, max(1, self.verbose)))
        yield from _annotation(event)

    def end(self) -> Iterator[str]:
        if self._group:
            self._group = ""
            yield "::endgroup::"

    def _begin(self, title: str) -> Iterator[str]:
        if self._group != title:
            yield from self.end()
            self._group = title
            yield f"::group::{title}"


def annotated(problems: Iterable[Problem]) -> Iterator[str]:
    """Errors at their places in files, so that they show in the changes of a pull request."""
    for problem in problems:
        place = problem.place
        file = {"file": place.file, "line": place.line, "col": place.column}
        where = file if place.line else {"title": place.file}  # a host, an option, or a file as a whole
        message = f"{problem.message}\n{problem.hint}" if problem.hint else problem.message
        yield _command("error", {key: str(value) for key, value in where.items() if value}, message)


def harmless(line: str) -> str:
    """A line that the runner takes for text: neither form of a command is left in it."""
    line = line.replace("##[", "## [")
    return f" {line}" if line.lstrip().startswith("::") else line


def _annotation(event: Event) -> Iterator[str]:
    if isinstance(event, StepFailed):
        step = event.step
        where = f"{step.project}/{step.service}" if step.service else step.project
        message = "\n".join([f"failed {step.kind.doing}: {event.reason}", *event.log, event.hint]).rstrip()
        yield _command("error", {"title": f"{step.host}: {where}"}, message)
    elif isinstance(event, HostLooked) and event.reason:
        message = f"{event.reason}\n{event.hint}".rstrip()
        yield _command("warning", {"title": f"{event.host} is unreachable"}, message)
    elif isinstance(event, Note) and event.level != Level.INFO:
        yield _command("warning", {}, event.message)


def _command(name: str, properties: dict[str, str], message: str) -> str:
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name}{' ' if given else ''}{given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
