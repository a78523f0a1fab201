"""The promises of output formats, progress reporters and report files; ``registry`` has them by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from deploytool.errors import Problem
from deploytool.model.difference import Difference
from deploytool.model.document import Document
from deploytool.model.event import Event, Report
from deploytool.model.plan import Plan
from deploytool.report.run_summary import RunSummary


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan with what is shown beside it. ``unreachable`` is host → reason; ``document`` makes its JSON."""

    plan: Plan
    document: Callable[[], Document]
    unreachable: Mapping[str, str] = field(default_factory=dict)
    differences: Sequence[Difference] = ()


class RunFormat:
    """A format of ``-o`` for plans and runs: text for stdout with its line breaks, or an empty one."""

    takes_events: ClassVar[bool] = False  # events are printed on stdout, instead of progress on stderr

    def __init__(self, *, colour: bool = False) -> None:
        self.colour = colour

    def event(self, event: Event) -> str:
        """An event as it happens, only asked for by ``takes_events``."""
        return ""

    def plan(self, view: PlanView) -> str:
        """A plan that is not carried out."""
        return ""

    def proposal(self, view: PlanView) -> str:
        """A plan that is about to be carried out, once that is agreed to."""
        return ""

    def report(self, view: PlanView, report: Report, summary: RunSummary) -> str:
        """The end of a run."""
        return ""


class Reporter:
    """A form of progress on stderr: events → lines of a log."""

    is_live: ClassVar[bool] = False  # a few lines that change in place are drawn below its own
    has_control_characters: ClassVar[bool] = False  # of its own; it sanitizes foreign text itself

    def __init__(self, verbose: int = 0) -> None:
        self.verbose = verbose

    @classmethod
    def detected(cls, env: Mapping[str, str]) -> bool:
        """Does this environment ask for it? Of several, the first of the registry is taken."""
        return False

    @classmethod
    def summary_file(cls, env: Mapping[str, str]) -> str:
        """The file to which the CI system wants Markdown appended; empty without one."""
        return ""

    @classmethod
    def problem_lines(cls, problems: Iterable[Problem]) -> Iterator[str]:
        """Lines beside the error messages when a command has failed."""
        return iter(())

    def lines(self, event: Event) -> Iterator[str]:
        """Lines of an event, none where it is of no interest."""
        return iter(())

    def end(self) -> Iterator[str]:
        """Lines after the last event, whatever the reason for the end."""
        return iter(())


@dataclass(slots=True)
class RunRecord:
    """An account of a command up to now. ``view`` and ``report`` are None before there is one.

    ``problems`` ended it early; ``drift_fails``: changes that are only planned count as failed.
    """

    summary: RunSummary = field(default_factory=RunSummary)
    view: PlanView | None = None
    report: Report | None = None
    problems: Sequence[Problem] = ()
    drift_fails: bool = False


class ReportFile:
    """A file about a run that is written when the command ends, whatever its end."""

    appends: ClassVar[bool] = False

    def text(self, record: RunRecord) -> str:
        """The content; nothing is written where it is empty."""
        return ""
