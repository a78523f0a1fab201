"""Events as a job's log on GitHub shows them: groups that fold, and annotations for what went wrong.

Source: GitHub's "Workflow commands" and the escaping rules of its toolkit (``core.issueCommand``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from deploytool.errors import Problem
from deploytool.model.event import Event, HostLooked, Level, Note, StepFailed
from deploytool.report.group_reporter import GroupReporter

MOST_ANNOTATIONS = 10  # GitHub shows no more of a step


class GitHubReporter(GroupReporter):
    """Folds the looks and the steps into groups. A failure is an annotation, and so outside of any group."""

    opening, closing = "::group::", "::endgroup::"

    @classmethod
    def detected(cls, env: Mapping[str, str]) -> bool:
        return env.get("GITHUB_ACTIONS") in ("true", "1")

    @classmethod
    def summary_file(cls, env: Mapping[str, str]) -> str:
        return env.get("GITHUB_STEP_SUMMARY", "")

    @classmethod
    def problem_lines(cls, problems: Iterable[Problem]) -> Iterator[str]:
        return annotated(islice(problems, MOST_ANNOTATIONS))

    def harmless(self, line: str) -> str:
        return harmless(line)

    def annotations(self, event: Event) -> Iterator[str]:
        return _annotation(event)


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
