"""Markdown for a comment: the summary first, hosts folded, never too long, and foreign text stays text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from deploytool.errors import Place, Problem
from deploytool.model.event import Report, StepFailed
from deploytool.model.intent import Service
from deploytool.model.plan import Plan, Step, StepKind
from deploytool.model.policies import Update
from deploytool.report.markdown import plan_markdown, problems_markdown, report_markdown
from tests.builders import Fleet, host, intent, project

EVIL = "`</code></pre><script>x</script>`|a|\n\n# h1 @admin #1 **b** [x](y) ![i](http://e) <!-- --> www.x.de"
LIMIT = 60_000


def plan_of(hosts: int, replicas: int, name: str = "web") -> Plan:
    names = [f"host-{number:04}" for number in range(hosts)]
    fleet = Fleet.of(*names)
    services = (Service(name, replicas=replicas, update=Update(parallelism=0)),)

    def shop(tag: int):
        return intent(project(*services, hosts=map(host, names), images={name: f"demo/web:{tag}"}))

    fleet.converge(shop(1))
    return fleet.plan(shop(2))


def test_the_summary_comes_first_and_hosts_are_folded():
    """A reader sees the sentence and the table; details are one click away, a fold for each host."""
    text = plan_markdown(plan_of(2, 4), {"h9": "no answer"})
    assert text.startswith("### Plan: 0 to start, 4 to replace, 0 to stop on 2 hosts.\n")
    assert "| <code>shop/web</code> | 4 | <code>demo/web&#58;1</code> → <code>demo/web&#58;2</code> |" in text
    assert text.count("<details>") == text.count("</details>") == 2
    assert "<summary><code>host-0000</code>: replace 2</summary>" in text
    assert "<code>h9</code> is unreachable: <code>no answer</code>" in text


@pytest.mark.parametrize("hosts", [200, 600])
def test_it_fits_a_comment_whatever_the_size_of_the_fleet(hosts):
    """All of 200 hosts; of more, those that there is room for, and a sentence about the rest."""
    text = plan_markdown(plan_of(hosts, hosts), {})
    assert len(text.encode()) < LIMIT
    assert text.count("<details>") == text.count("</details>")
    assert (text.count("<details>") == hosts) == (hosts == 200)
    assert ("left out here" in text) == (hosts > 200)


def evil(plan: Plan) -> Plan:
    """The same plan, where every text that others choose is hostile, and long."""
    long = EVIL * 40

    def hurt(step: Step) -> Step:
        return replace(step, cause=long, host=f"{step.host}{EVIL}", service=step.service and EVIL)

    projects = tuple(
        replace(
            one,
            project=EVIL,
            steps=tuple(replace(hurt(step), project=EVIL) for step in one.steps),
            summaries=tuple(replace(s, service=EVIL, image=long, image_before=EVIL) for s in one.summaries),
            notes=(long,),
        )
        for one in plan.projects
    )
    return Plan(projects, (long,))


def unmarked(text: str) -> str:
    """What is left when our own elements are taken away."""
    ours = r"</?(details|summary|code|pre)>|^### |^\| --- .*$|^- |^\| | \| | \|$"
    return re.sub(ours, " ", text, flags=re.MULTILINE)


@pytest.mark.parametrize("hosts", [2, 200])
def test_foreign_text_stays_text(hosts):
    """No element, link, mention, table cell or heading comes out of a name or a message."""
    plan = evil(plan_of(hosts, hosts))
    step = next(iter(plan.steps))
    failed = StepFailed(step, 1.0, EVIL, EVIL, (EVIL, "</pre>"))
    report = Report(plan, unreachable={EVIL: EVIL}, failures=(failed,) * 200)
    problem = Problem(Place(EVIL, 1), EVIL, EVIL)
    for text in (
        plan_markdown(plan, {EVIL: EVIL}, EVIL),
        report_markdown(report, EVIL, EVIL),
        problems_markdown([problem] * 500),
    ):
        assert len(text.encode()) < LIMIT
        outside = re.sub(r"<pre>\n.*?\n</pre>", "", text, flags=re.DOTALL)
        assert not re.findall(r"[`*<>@\[\]]|https?:|www\.", unmarked(outside))
        assert not [line for line in outside.splitlines() if line.startswith("# ")]
        within = re.findall(r"<pre>\n(.*?)\n</pre>", text, flags=re.DOTALL)
        assert not [block for block in within if "<" in block]
        assert all(line.count("|") == 5 for line in outside.splitlines() if line.startswith("|"))


def test_a_failure_shows_its_last_lines():
    """The reason and the log, before the table."""
    step = Step("1", StepKind.START, "h1", "shop", "x", service="web", count=1)
    report = Report(plan_of(1, 1), failures=(StepFailed(step, 1.0, "is unhealthy", log=("first", "last")),))
    text = report_markdown(report, "1 step failed, 2 not done.")
    assert text.index("is unhealthy") < text.index("first\nlast") < text.index("| service |")
