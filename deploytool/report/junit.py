"""A run as JUnit XML: a test case for each service on each host, for CI systems to show and count."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from deploytool.errors import Problem
from deploytool.report.base import ReportFile, RunRecord
from deploytool.report.run_summary import Case, RunSummary

# What XML 1.0 cannot hold, not even as a number.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JUnitFile(ReportFile):
    """``--junit``: written whatever the end, since a CI system takes a missing file for a failure."""

    def text(self, record: RunRecord) -> str:
        return junit_xml(record.summary, record.problems, drift_fails=record.drift_fails)


def junit_xml(summary: RunSummary, problems: Iterable[Problem] = (), *, drift_fails: bool = False) -> str:
    """One suite a project. ``problems`` ended the run; with ``drift_fails``, planned changes count as failed.

    Failed steps are failures, with the container's last lines; hosts that did not answer are errors; what was
    not begun is skipped.
    """
    root = ElementTree.Element("testsuites", name="deploytool")
    suites: dict[str, list[ElementTree.Element]] = {}
    for _, case in sorted(summary.cases.items()):
        away = summary.unreachable.get(case.host, "")
        suites.setdefault(case.project, []).append(_case(case, away, drift_fails))
    known = {case.host for case in summary.cases.values()}
    hosts = [_host(name, why) for name, why in sorted(summary.unreachable.items()) if name not in known]
    ended = [_problem(problem) for problem in problems]
    for name, cases in [*sorted(suites.items()), ("hosts", hosts), ("deploytool", ended)]:
        if cases:
            suite = ElementTree.SubElement(root, "testsuite", {"name": _clean(name), **_sums(cases)})
            suite.extend(cases)
    for key, value in _sums([case for suite in root for case in suite]).items():
        root.set(key, value)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(case: Case, away: str, drift_fails: bool) -> ElementTree.Element:
    element = _element(f"{case.project}.{case.host}", case.service, case.seconds)
    if away and not case.failures:
        _add(element, "error", f"{case.host} is unreachable: {away}")
    for failure in case.failures:
        _add(element, "failure", failure.reason, "\n".join([*failure.log, failure.hint]).strip())
    if case.pending and not away:
        causes = "; ".join(dict.fromkeys(case.pending.values()))
        _add(element, "failure" if drift_fails else "skipped", f"changes are pending: {causes}")
    elif case.skipped and not case.failures:
        _add(element, "skipped", f"not done, since {case.skipped[0]}")
    return element


def _host(name: str, why: str) -> ElementTree.Element:
    element = _element("hosts", name, 0.0)
    _add(element, "error", f"{name} is unreachable: {why}")
    return element


def _problem(problem: Problem) -> ElementTree.Element:
    element = _element("deploytool", str(problem.place) or "run", 0.0)
    _add(element, "error", problem.message, problem.hint)
    return element


def _element(classname: str, name: str, seconds: float) -> ElementTree.Element:
    return ElementTree.Element(
        "testcase", classname=_clean(classname), name=_clean(name), time=f"{seconds:.3f}"
    )


def _add(element: ElementTree.Element, tag: str, message: str, text: str = "") -> None:
    ElementTree.SubElement(element, tag, message=_clean(message)).text = _clean(text) or None


def _sums(cases: list[ElementTree.Element]) -> dict[str, str]:
    """A case counts once, as the worst that it holds."""
    tags = [
        next((t for t in ("error", "failure", "skipped") if case.find(t) is not None), "") for case in cases
    ]
    seconds = sum(float(case.get("time", "0")) for case in cases)
    return {
        "tests": str(len(cases)),
        "failures": str(tags.count("failure")),
        "errors": str(tags.count("error")),
        "skipped": str(tags.count("skipped")),
        "time": f"{seconds:.3f}",
    }


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
