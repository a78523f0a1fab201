"""Plans and the end of a run as people read them: the plan, a line a host as Ansible prints it, sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from deploytool.model.event import FailureOutcome, Report
from deploytool.model.plan import Plan
from deploytool.report.base import PlanView, RunFormat
from deploytool.report.diff import diff_text
from deploytool.report.plan import plan_text
from deploytool.report.run_summary import Case, RunSummary
from deploytool.report.sanitize import sanitize

MOST_QUIET = 20  # so many hosts on which nothing happened have a line of their own


_ENDINGS = {
    FailureOutcome.UNCHANGED: "nothing was changed.",
    FailureOutcome.PAUSED: (
        "paused: what had not begun stays as it was. Run again to go on, or deploytool rollback."
    ),
    FailureOutcome.WENT_ON: "went on elsewhere, as its policy says. Run again to try once more what failed.",
    FailureOutcome.ROLLED_BACK: "rolled back to release {release}, which runs {where}.",
    FailureOutcome.ROLLBACK_FAILED: "the rollback to release {release} failed too, and is not rolled again.",
    FailureOutcome.NOT_ROLLED_BACK: "not rolled back: see above why. What had not begun stays as it was.",
}


_RED, _GREEN, _YELLOW, _CYAN = (f"\x1b[{number}m" for number in (31, 32, 33, 36))
_NO_COLOUR = "\x1b[0m"
_DIFF_COLOURS = {"+": _GREEN, "-": _RED, "@": _CYAN}
_PLAN_COLOURS = {"±": _YELLOW, "+": _GREEN, "-": _RED}
_CHANGE = re.compile(r"(?<=   )[±+-] [a-z]+ \d+")


class TextFormat(RunFormat):
    """``-o text``: for people, in colour on a terminal."""

    def plan(self, view: PlanView) -> str:
        return self._plan(view.plan) + self._differences(diff_text(view.differences))

    def proposal(self, view: PlanView) -> str:
        return self.plan(view)

    def report(self, view: PlanView, report: Report, summary: RunSummary) -> str:
        nothing_to_do = "" if report.plan else self._plan(report.plan)
        ending = (f"{sanitize(line)}\n" for line in (*recap(summary), *ending_lines(report)))
        return nothing_to_do + "".join(ending)

    def _plan(self, plan: Plan) -> str:
        text = sanitize(plan_text(plan))
        if not self.colour:
            return text
        return _CHANGE.sub(lambda found: f"{_PLAN_COLOURS[found[0][0]]}{found[0]}{_NO_COLOUR}", text)

    def _differences(self, text: str) -> str:
        lines = sanitize(text).splitlines()
        if not self.colour:
            return "".join(f"{line}\n" for line in lines)
        coloured = (f"{_DIFF_COLOURS.get(line[:1], '')}{line}{_NO_COLOUR}" for line in lines)
        return "".join(f"{line}\n" for line in coloured)


def recap(summary: RunSummary) -> Iterator[str]:
    """``lab1 : ok=1  changed=2  unreachable=0  failed=0  skipped=0``, by host name.

    ``ok`` are replicas that were as they should be, ``changed`` those that were started, replaced or stopped,
    ``failed`` and ``skipped`` are steps. In a large fleet, hosts on which nothing happened share a line.
    """
    hosts = summary.by_host().items()
    rows = {host: _counts(cases, away=host in summary.unreachable) for host, cases in hosts}
    quiet = [host for host, counts in rows.items() if not any(list(counts.values())[1:])]
    if len(quiet) > MOST_QUIET:
        rows = {host: counts for host, counts in rows.items() if host not in set(quiet)}
    width = max(map(len, rows), default=0)
    for host, counts in rows.items():
        said = "  ".join(f"{word}={count:<3}" for word, count in counts.items())
        yield f"{host:<{width}} : {said}".rstrip()
    if len(quiet) > MOST_QUIET:
        yield f"{len(quiet)} more hosts: nothing changed"


def ending_lines(report: Report) -> Iterator[str]:
    """The end in a few sentences; nothing where there was nothing to do."""
    for host, reason in sorted(report.unreachable.items()):
        yield f"{host}: unreachable: {reason}"
    if report.failures:
        failed = len(report.failures)
        yield f"{failed} step{'s' * (failed != 1)} failed, {report.skipped} not done."
    for project, ending in report.endings.items():
        where = f"on all hosts but {', '.join(sorted(report.unreachable))}" if report.unreachable else "again"
        release = report.rolled_back.get(project, 0)
        yield f"{project}: {_ENDINGS[ending].format(release=release, where=where)}"
    if report.interrupted:
        yield f"Interrupted: {report.done} steps done, {report.skipped} not done. Run again to go on."
    elif report.left and report.skipped and not report.failures:
        yield f"{report.skipped} steps not done; what still differs:"
        yield from (f"  {line}" for line in plan_text(report.left).splitlines())
    elif report.left and report.done and not report.failures:
        yield "The result does not hold; what still differs:"
        yield from (f"  {line}" for line in plan_text(report.left).splitlines())
    elif report.plan and not (report.left or report.failures):
        yield _converged(report)


def _converged(report: Report) -> str:
    if not report.done:
        return "Nothing was changed." if report.unreachable else "Another run did it: nothing was left to do."
    hosts = len({step.host for step in report.plan.steps} - report.unreachable.keys())
    return f"Converged: {report.done} steps on {hosts} host{'s' * (hosts != 1)} in {report.seconds:.1f} s."


def _counts(cases: Sequence[Case], *, away: bool) -> dict[str, int]:
    changed = sum(case.changed for case in cases)
    untouched = (c for c in cases if not (c.failures or c.skipped or c.pending))
    return {
        "ok": 0 if away else sum(max(0, case.wanted - case.changed) for case in untouched),
        "changed": changed,
        "unreachable": int(away),
        "failed": sum(len(case.failures) for case in cases),
        "skipped": sum(len(case.skipped) for case in cases),
    }
