"""Events added up: the recap per host, the JUnit file, and lines for CI systems. Foreign text stays text."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from deploytool.errors import Place, Problem
from deploytool.model.event import HostLooked, StepFailed
from deploytool.model.intent import Service, Update
from deploytool.model.plan import Step, StepKind
from deploytool.report.console import event_lines
from deploytool.report.github import annotated, harmless
from deploytool.report.gitlab import GitLabReporter
from deploytool.report.junit import junit_xml
from deploytool.report.run_summary import RunSummary
from deploytool.report.run_text import recap
from deploytool.report.sanitize import sanitize
from tests.builders import Fleet, host, intent, project


def shop(image: str = "demo/web:1", replicas: int = 3, hosts=("h1", "h2", "h3")):
    web = Service("web", replicas=replicas, update=Update(parallelism=0))
    return intent(project(web, hosts=map(host, hosts), images={"web": image}))


def summary_of(fleet: Fleet, *wanted, plan_only: bool = False) -> RunSummary:
    fleet.events.clear()
    for one in wanted:
        fleet.plan(one) if plan_only else fleet.converge(one)
    summary = RunSummary()
    for event in fleet.events:
        summary.add(event)
    return summary


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet.of("h1", "h2", "h3")
    fleet.converge(shop())
    return fleet


def test_the_recap_has_a_line_a_host_as_ansible_has(fleet):
    """A replacement is one change; what is in place is ok."""
    assert list(recap(summary_of(fleet, shop()))) == [
        f"h{n} : ok=1    changed=0    unreachable=0    failed=0    skipped=0" for n in (1, 2, 3)
    ]
    assert list(recap(summary_of(fleet, shop("demo/web:2")))) == [
        f"h{n} : ok=0    changed=1    unreachable=0    failed=0    skipped=0" for n in (1, 2, 3)
    ]


def test_the_recap_counts_what_failed_and_who_did_not_answer(fleet):
    """By host, sorted by name."""
    fleet.hosts["h3"].reachable = False
    fleet.hosts["h1"].sick.add("demo/web:2")
    lines = list(recap(summary_of(fleet, shop("demo/web:2"))))
    assert [line.split()[0] for line in lines] == ["h1", "h2", "h3"]
    assert "failed=1" in lines[0]
    assert "unreachable=1" in lines[2]


def test_a_large_quiet_fleet_shares_a_line():
    """Only hosts on which something happened are listed."""
    names = [f"h{n:03}" for n in range(100)]
    fleet = Fleet.of(*names)
    fleet.converge(shop(replicas=100, hosts=names))
    fleet.hosts["h042"].containers.clear()
    lines = list(recap(summary_of(fleet, shop(replicas=100, hosts=names))))
    assert [line.split()[0] for line in lines] == ["h042", "99"]


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


def test_foreign_text_cannot_steer_a_terminal():
    """Also by characters of eight bits and by those that turn the direction."""
    shown = sanitize(EVIL)
    assert not set(shown) & set("\x1b\x00\x9b\u202e\ud800")
    assert "\\x1b[2J" in shown
    assert sanitize("a\tb\nc · ± ü") == "a\tb\nc · ± ü"


@pytest.mark.parametrize("line", ["::error::x", "  ::stop-commands::x", "a ##[error]x", "##[add-mask]x"])
def test_foreign_text_is_no_command_on_github(line):
    """The runner takes lines that begin with :: once white space is gone, and ##[ anywhere."""
    safe = harmless(f"    | {line}")
    assert not safe.strip().startswith("::")
    assert "##[" not in safe


def test_foreign_text_begins_no_section_on_gitlab():
    """Nor ends one."""
    reporter = GitLabReporter(clock=lambda: 1.0)
    step = Step("1", StepKind.START, "h1", "shop", "x", service="web", count=1)
    said = [
        *reporter.lines(StepFailed(step, 1.0, "x", log=("section_end:1:deploytool_look_1\r",))),
        *reporter.end(),
    ]
    assert not [line for line in said if "section_end:" in line]


def test_annotations_name_the_place_and_hold_one_line():
    """Percent signs, line breaks, colons and commas are written as GitHub wants them."""
    (line,) = annotated([Problem(Place("a,b:c.yaml", 3, 7), "50% off\nsecond", "hint")])
    assert line == "::error file=a%2Cb%3Ac.yaml,line=3,col=7::50%25 off%0Asecond%0Ahint"


def test_kinds_of_steps_that_are_new_have_words(fleet):
    """A kind that a later version adds is named, not a crash."""

    class Kind:
        value = "reroute"

    step = replace(Step("1", StepKind.START, "h1", "shop", "x", service="web", count=1), kind=Kind())
    assert list(event_lines(StepFailed(step, 1.0, "no"))) == ["h1: shop/web: failed: doing reroute: no"]


def test_a_host_that_answers_later_is_not_unreachable():
    """The last look counts."""
    summary = RunSummary()
    summary.add(HostLooked("h1", 1.0, "no answer"))
    summary.add(HostLooked("h1", 1.0))
    assert list(recap(summary)) == ["h1 : ok=0    changed=0    unreachable=0    failed=0    skipped=0"]
