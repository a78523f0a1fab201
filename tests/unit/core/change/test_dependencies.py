"""Whoever depends on a service waits for it."""

from __future__ import annotations

from deploytool.model.intent import Mode, Service
from deploytool.model.plan import Gate, GateGoal, StepKind
from deploytool.model.policies import Dependency
from tests.unit.core.change.rolling import (
    OLD,
    held,
    needs,
    only,
    plan,
    short,
    steps,
)


def test_a_job_completes_before_its_dependants_start():
    """A migration before the web, on whatever host."""
    migrate = Service("migrate", mode=Mode.REPLICATED_JOB)
    web = Service("web", replicas=2, depends_on=(Dependency("migrate", "service_completed_successfully"),))
    rolled = plan([web, migrate], {"h1": [], "h2": []})
    job = only(steps(rolled, service="migrate"))
    assert job.gate == Gate(GateGoal.COMPLETED, 3600.0)
    assert all(job.id in step.needs for step in steps(rolled, service="web"))


def test_a_job_that_still_runs_is_waited_for():
    """A run that died left it running: its dependants wait until it has finished."""
    migrate = Service("migrate", mode=Mode.REPLICATED_JOB)
    web = Service("web", depends_on=(Dependency("migrate", "service_completed_successfully"),))
    rolled = plan([web, migrate], {"h1": [held("migrate")]})
    wait, start = steps(rolled)
    assert (wait.service, wait.count, wait.cause) == ("migrate", 0, "until shop-migrate-1 has finished")
    assert start.needs == (wait.id,)


def test_dependencies_reach_through_what_is_not_touched():
    """web → db → migrate, and only db is as it should be."""
    services = [
        Service("web", depends_on=(Dependency("db"),)),
        Service("db", depends_on=(Dependency("migrate"),)),
        Service("migrate"),
    ]
    rolled = plan(services, {"h1": [held("db")]})
    assert short(rolled) == ["start migrate on h1", "start web on h1"]
    assert steps(rolled)[0].id in steps(rolled)[1].needs


def test_a_dependant_waits_for_the_whole_roll():
    """The last batch stands for all of them."""
    old = {name: [held("db", 1, OLD, name), held("web", 1, OLD, name)] for name in ("h1", "h2")}
    services = [Service("web", replicas=2, depends_on=(Dependency("db"),)), Service("db", replicas=2)]
    rolled = plan(services, old)
    first = steps(rolled, StepKind.STOP, "web")[0]
    assert {step.id for step in steps(rolled, service="db")} <= needs(rolled, first)
