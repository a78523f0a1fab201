"""Fleets at work for the tests of reports."""

from __future__ import annotations

from deploytool.model.intent import Service
from deploytool.model.policies import Update
from deploytool.report.run_summary import RunSummary
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
