"""A plan and the end of its run, as Markdown for a comment on a pull request or a job's summary.

The summary comes first, what belongs to one host is folded. Whatever the size of the fleet it stays below
``MOST_BYTES``. Names and messages are foreign text: they appear within code, with every character that
Markdown or HTML could take for more than itself written as a number.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from deploytool.errors import Problem
from deploytool.model.event import Report
from deploytool.model.plan import Plan, ServiceSummary, Step
from deploytool.report.base import PlanView, ReportFile, RunFormat, RunRecord
from deploytool.report.diff import diff_text
from deploytool.report.plan import by_host, changes_of, summary
from deploytool.report.run_summary import RunSummary
from deploytool.report.run_text import ending_lines

MOST_BYTES = 59_000  # a comment on GitHub takes 65,536 characters, and people put their own around this
MOST_SERVICES, MOST_PROBLEMS, MOST_NOTES = 100, 50, 20
_LONGEST = 300
_TAIL = 400  # room for the sentence about what was left out

_SPECIAL = re.compile(r"[^\w \-/=.,→±·…–()]|(?<!\w)[wW](?=[wW]{2}\.)|_")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


class MarkdownFormat(RunFormat):
    """``-o markdown``."""

    def plan(self, view: PlanView) -> str:
        return plan_markdown(view.plan, view.unreachable, diff_text(view.differences))

    def report(self, view: PlanView, report: Report, summary: RunSummary) -> str:
        said = " ".join(ending_lines(report)) or "Nothing to do."
        return report_markdown(report, said, diff_text(view.differences))


class MarkdownFile(ReportFile):
    """``--summary``: the plan, the end of the run, or why it failed; behind what the file has already."""

    appends = True

    def text(self, record: RunRecord) -> str:
        if record.problems:
            return f"{problems_markdown(record.problems)}\n"
        if record.view is None:
            return ""
        form = MarkdownFormat()
        if record.report is None:
            return f"{form.plan(record.view)}\n"
        return f"{form.report(record.view, record.report, record.summary)}\n"


def plan_markdown(plan: Plan, unreachable: Mapping[str, str], diff: str = "") -> str:
    """The plan. ``unreachable`` is host → reason, ``diff`` a unified diff or empty."""
    return _fitted([f"### {summary(plan)}\n", *_problems(unreachable), *_services(plan)], _folded(plan, diff))


def report_markdown(report: Report, ending: str, diff: str = "") -> str:
    """The end of a run, with its plan. ``ending`` is the sentence that comes first."""
    head = [f"### {_inline(ending)}\n", f"{summary(report.plan)}\n", *_problems(report.unreachable)]
    return _fitted(
        [*head, *_failures(report), *_services(report.plan)],
        _folded(report.plan, diff),
    )


def problems_markdown(problems: Sequence[Problem]) -> str:
    """The errors that ended a command."""
    lines = []
    for problem in problems:
        place = f"{_code(str(problem.place))}: " if str(problem.place) else ""
        hint = f" – {_inline(problem.hint)}" if problem.hint else ""
        lines.append(f"- {place}{_inline(problem.message)}{hint}")
    return _fitted(["### deploytool: error\n", "\n".join(_most(lines, MOST_PROBLEMS))], ())


def _fitted(head: Iterable[str], folded: Iterable[tuple[str, str]]) -> str:
    """The head, and as many of the folded parts as there is room for."""
    text, left_out = "", 0
    for part in head:
        if _size(text) + _size(part) > MOST_BYTES - _TAIL:
            left_out += 1
        else:
            text += part + "\n"
    for title, body in folded:
        part = f"<details><summary>{title}</summary>\n\n<pre>\n{body}\n</pre>\n</details>\n"
        if _size(text) + _size(part) > MOST_BYTES - _TAIL:
            left_out += 1
        else:
            text += part
    if left_out:
        text += f"\n{left_out} more are left out here; the job's log and the plan's file have them all.\n"
    return text


def _problems(unreachable: Mapping[str, str]) -> Iterator[str]:
    if not unreachable:
        return
    lines = [f"- {_code(host)} is unreachable: {_code(why)}" for host, why in sorted(unreachable.items())]
    yield "\n".join([*_most(lines, MOST_PROBLEMS), ""])


def _failures(report: Report) -> Iterator[str]:
    for failure in report.failures[:MOST_PROBLEMS]:
        step = failure.step
        where = f"{step.project}/{step.service}" if step.service else step.project
        yield f"- {_code(step.host)} {_code(where)} failed: {_code(failure.reason)}\n"
        if failure.log:
            yield f"<pre>\n{_block(failure.log)}\n</pre>\n"
    if len(report.failures) > MOST_PROBLEMS:
        yield f"- … and {len(report.failures) - MOST_PROBLEMS} more\n"


def _services(plan: Plan) -> Iterator[str]:
    rows = [row for project in plan.projects for row in _rows(plan, project.project, project.summaries)]
    if rows:
        lines = ["| service | replicas | image | changes |", "| --- | ---: | --- | --- |"]
        yield "\n".join([*lines, *_most(rows, MOST_SERVICES, "| … and {} more | | | |"), ""])
    notes = [*plan.notes, *(note for project in plan.projects for note in project.notes)]
    if notes:
        yield "\n".join([*_most([f"- note: {_code(note)}" for note in notes], MOST_NOTES), ""])


def _rows(plan: Plan, project: str, services: Iterable[ServiceSummary]) -> Iterator[str]:
    for item in services:
        mine = [s for s in plan.steps if (s.project, s.service) == (project, item.service)]
        image = _code(item.image) if item.image else ""
        if item.image and item.image_before and item.image_before != item.image:
            image = f"{_code(item.image_before)} → {image}"
        changes = ", ".join(f"{word} {count}" for _, word, count, _ in changes_of(mine) if count)
        gone = "not in the playbook any more" if item.removed else ""
        cells = (_code(f"{project}/{item.service}"), str(item.replicas), image, changes or gone or "none")
        yield f"| {' | '.join(cells)} |"


def _folded(plan: Plan, diff: str) -> Iterator[tuple[str, str]]:
    if diff:
        yield "diff", _block(diff.splitlines(), most=400)
    steps: dict[str, list[Step]] = {}
    for step in plan.steps:
        steps.setdefault(step.host, []).append(step)
    for host, actions in by_host(plan).items():
        counts = ", ".join(f"{word} {count}" for _, word, count, _ in changes_of(steps[host]) if count)
        lines = [f"{where}  {what}".rstrip() for where, what in actions]
        yield f"{_code(host)}: {counts or 'files'}", _block(lines)


def _block(lines: Sequence[str], most: int = 40) -> str:
    """Lines for within ``<pre>``, where only HTML is read."""
    shown = [html.escape(_shortened(line)) for line in lines]
    return "\n".join(_most(shown, most, "… and {} more lines"))


def _most(lines: Sequence[str], most: int, rest: str = "- … and {} more") -> list[str]:
    return [*lines[:most], *([rest.format(len(lines) - most)] if len(lines) > most else [])]


def _code(text: str) -> str:
    return f"<code>{_inline(text)}</code>"


def _inline(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", _shortened(text))


def _shortened(text: str) -> str:
    shown = _CONTROL.sub(" ", text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
