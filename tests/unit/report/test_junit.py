"""The JUnit file: a case for each service on each host. Foreign text stays text."""

from __future__ import annotations

from xml.etree import ElementTree

from deploytool.errors import Place, Problem
from deploytool.model.event import StepFailed
from deploytool.model.plan import Step, StepKind
from deploytool.report.junit import junit_xml
from deploytool.report.run_summary import RunSummary
from tests.unit.report.fleets import shop, summary_of


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.split("\n", 1)[1])  # noqa: S314 - our own


def cases(root: ElementTree.Element) -> dict[str, list[str]]:
    return {
        f"{case.get('classname')} {case.get('name')}": [c.tag for c in case] for case in root.iter("testcase")
    }


def test_junit_has_a_case_for_each_service_on_each_host(fleet):
    """Failures with the container's last lines, errors for hosts that did not answer, sums that add up."""
    fleet.hosts["h3"].reachable = False
    fleet.hosts["h1"].sick.add("demo/web:2")
    root = parsed(junit_xml(summary_of(fleet, shop("demo/web:2"))))
    found = cases(root)
    assert (found["shop.h1 web"], found["shop.h3 web"]) == (["failure"], ["error"])
    assert "shop.h2 web" in found
    (failure,) = root.iter("failure")
    assert "is unhealthy" in failure.get("message", "")
    assert "it says why" in (failure.text or "")
    assert (root.get("failures"), root.get("errors"), root.get("tests")) == ("1", "1", str(len(found)))


def test_pending_changes_fail_only_where_drift_does(fleet):
    """A plan for a review is no failure; a nightly check of drift is."""
    summary = summary_of(fleet, shop("demo/web:2"), plan_only=True)
    assert cases(parsed(junit_xml(summary)))["shop.h1 web"] == ["skipped"]
    assert cases(parsed(junit_xml(summary, drift_fails=True)))["shop.h1 web"] == ["failure"]
    assert (
        parsed(junit_xml(summary_of(fleet, shop(), plan_only=True), drift_fails=True)).get("failures") == "0"
    )


def test_junit_says_what_ended_a_run_early():
    """A file is there whatever happened."""
    root = parsed(junit_xml(RunSummary(), [Problem(Place("site.yaml", 3), "is wrong", "do it right")]))
    assert cases(root) == {"deploytool site.yaml:3": ["error"]}


EVIL = "\x1b[2J\x00\x9b31m</failure>]]>&\ud800\u202e\uffff::error::no"


def test_foreign_text_cannot_break_the_xml(fleet):
    """Control characters, markup and half characters in a log."""
    summary = summary_of(fleet, shop())
    step = Step("1", StepKind.START, "h1", "shop", "x", service="web", count=1)
    summary.add(StepFailed(step, 1.0, EVIL, EVIL, (EVIL,)))
    assert "</failure>" in (next(parsed(junit_xml(summary)).iter("failure")).text or "")
