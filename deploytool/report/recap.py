"""How a run ended: a line a host as Ansible prints it, and then in a few sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deploytool.model.event import FailureOutcome, Report
from deploytool.report.plan import plan_text
from deploytool.report.run_summary import Case, RunSummary

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


def recap(tally: RunSummary) -> Iterator[str]:
    """``lab1 : ok=1  changed=2  unreachable=0  failed=0  skipped=0``, by host name.

    ``ok`` are replicas that were as they should be, ``changed`` those that were started, replaced or stopped,
    ``failed`` and ``skipped`` are steps. In a large fleet, hosts on which nothing happened share a line.
    """
    hosts = tally.by_host().items()
    rows = {host: _counts(cases, away=host in tally.unreachable) for host, cases in hosts}
    quiet = [host for host, counts in rows.items() if not any(list(counts.values())[1:])]
    if len(quiet) > MOST_QUIET:
        rows = {host: counts for host, counts in rows.items() if host not in set(quiet)}
    width = max(map(len, rows), default=0)
    for host, counts in rows.items():
        said = "  ".join(f"{word}={count:<3}" for word, count in counts.items())
        yield f"{host:<{width}} : {said}".rstrip()
    if len(quiet) > MOST_QUIET:
        yield f"{len(quiet)} more hosts: nothing changed"


def verdict(report: Report) -> Iterator[str]:
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
