"""The verbs start and restart, and the gates at their end."""

from __future__ import annotations

import pytest

from deploytool.errors import HostUnreachable
from deploytool.model.plan import Gate
from tests.unit.backend.compose.host.fake_docker import FakeHost, identity, prepare, restart, start

QUICK = Gate("ready", 1)
GONE = "Error: No such object: x"


@pytest.fixture
def fake(fake: FakeHost) -> FakeHost:
    fake.done(prepare())
    fake.calls()
    return fake


def reasons(fake: FakeHost, *tasks: object) -> list[str]:
    return [outcome.reason for outcome in fake.do(*tasks)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "gate", "reason"),
    [
        ("running,health:healthy,exit:0,restarts:2,oom:false,", QUICK, ""),
        ("running,health:none,exit:0,restarts:0,oom:false,", QUICK, ""),
        ("running,health:unhealthy,exit:0,restarts:0,oom:false,", QUICK, "shop-web-1 is unhealthy"),
        (
            "running,health:starting,exit:0,restarts:0,oom:false,",
            QUICK,
            "shop-web-1 is not healthy yet after 1 s",
        ),
        (
            "running,health:starting,exit:0,restarts:1,oom:false,",
            QUICK,
            "shop-web-1 is not healthy yet: it was restarted 1 time,"
            " the last time after exit code 7 after 1 s",
        ),
        (
            "running,health:none,exit:0,restarts:3,oom:false,",
            QUICK,
            "shop-web-1 does not keep running: it was restarted 3 times, the last time after exit code 7",
        ),
        (
            "created,health:none,exit:0,restarts:0,oom:false,",
            QUICK,
            "shop-web-1 was not started yet after 1 s",
        ),
        (
            "restarting,health:none,exit:5,restarts:4,oom:false,",
            QUICK,
            "shop-web-1 restarts in a loop, the last time after exit code 5",
        ),
        ("exited,health:none,exit:3,restarts:0,oom:false,", QUICK, "shop-web-1 exited with code 3"),
        ("paused,health:none,exit:0,restarts:0,oom:false,", QUICK, "shop-web-1 paused with code 0"),
        (
            "exited,health:none,exit:137,restarts:0,oom:true,",
            QUICK,
            "shop-web-1 ran out of memory, exit code 137",
        ),
        ("exited,health:none,exit:0,restarts:0,oom:false,", Gate("completed", 1), ""),
        (
            "exited,health:none,exit:4,restarts:0,oom:false,",
            Gate("completed", 1),
            "shop-web-1 exited with code 4",
        ),
        (
            "running,health:none,exit:0,restarts:0,oom:false,",
            Gate("completed", 1),
            "shop-web-1 did not end yet after 1 s",
        ),
        ("restarting,health:none,exit:5,restarts:9,oom:false,", Gate("none", 1), ""),
    ],
)
def test_a_gate_judges_what_was_started(fake: FakeHost, state: str, gate: Gate, reason: str) -> None:
    """Each state has its sentence; the deadline is the gate's."""
    fake.state(state)
    assert reasons(fake, start("web", gate=gate)) == [reason]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("running,health:none,exit:0,restarts:5,oom:false,", ""),
        (
            "running,health:unhealthy,exit:0,restarts:0,oom:false,",
            "shop-web-1 is still unhealthy after 1 s",
        ),
        ("exited,health:none,exit:3,restarts:0,oom:false,", "shop-web-1 exited with code 3"),
    ],
)
def test_what_was_there_before_is_judged_by_what_it_is_now(fake: FakeHost, state: str, reason: str) -> None:
    """Past restarts and the last health check were before it: a start that finds all there, and a restart."""
    fake.run("web")
    fake.state(state)
    fake.answer("'docker-compose -p'*")
    assert reasons(fake, start("web", gate=QUICK)) == [reason]
    assert reasons(fake, restart("web", identity(1), gate=QUICK)) == [reason]


def test_a_failure_comes_with_the_last_words_of_the_container(fake: FakeHost) -> None:
    """What its health check said, what it wrote: whatever bytes they are."""
    fake.state("running,health:unhealthy,exit:0,restarts:0,oom:false,")
    fake.answer("'docker inspect'*State.Health.Log*", said='no "database"\n\n')
    fake.answer("'docker logs'*", said='{"level":"error","msg":"a\\\\b"}', errors="tab\there \x1b[31mred")
    (outcome,) = fake.do(start("web"))
    assert outcome.log == (
        'health check: no "database"',
        '{"level":"error","msg":"a\\\\b"}',
        "tab\there red",
    )


def test_more_containers_than_planned_are_left_alone(fake: FakeHost) -> None:
    """The plan does not hold any more."""
    fake.run("web", "web")
    (outcome,) = fake.do(start("web", total=1))
    assert (outcome.changed, outcome.reason) == (True, "there are more containers of web than planned")
    assert fake.calls() == ["ps"]


def test_one_service_that_does_not_start_is_told_from_those_that_do(fake: FakeHost) -> None:
    """They are tried one by one after a failure; Compose's progress is left out of what it said."""
    said = "Container shop-db-1  Creating\nContainer shop-db-1  Created\nError: port 80 is already allocated"
    fake.answer("*' --scale db='*", said=said, code=1)
    web, db = fake.do(start("web"), start("db"))
    assert web.ok
    assert db.reason == "Docker Compose could not start it: Error: port 80 is already allocated"


def test_what_compose_does_not_start_although_it_says_so_has_failed(fake: FakeHost) -> None:
    """There is nothing that could get ready."""
    fake.answer("'docker-compose -p'*")
    assert reasons(fake, start("web")) == ["no container was started"]


def test_a_container_that_goes_away_while_it_is_waited_for_is_gone(fake: FakeHost) -> None:
    """Its id is told."""
    fake.answer("'docker inspect'*RestartCount*", errors=GONE, code=1)
    assert reasons(fake, start("web")) == ["its container 000000000000 is gone"]


def test_an_engine_that_goes_away_is_not_a_container_that_does(fake: FakeHost) -> None:
    """What became of the step is not known."""
    fake.answer("'docker inspect'*RestartCount*", errors="Cannot connect to the Docker daemon", code=1)
    with pytest.raises(HostUnreachable, match="the Docker engine does not answer"):
        fake.do(start("web"))


@pytest.mark.parametrize("pattern", ["'docker ps'*", "'docker '*version*"])
def test_an_engine_that_is_gone_fails_no_replica(fake: FakeHost, pattern: str) -> None:
    """Neither where the containers are listed, nor where Compose fails."""
    fake.answer("*' up '*", errors="Cannot connect to the Docker daemon", code=1)
    fake.answer(pattern, errors="Cannot connect to the Docker daemon", code=1)
    with pytest.raises(HostUnreachable, match="the Docker engine does not answer"):
        fake.do(start("web"))


def test_a_replica_that_falls_over_while_it_is_held_has_failed(fake: FakeHost) -> None:
    """It says for how long it had been ready, or that it was restarted."""
    well = "running,health:none,exit:0,restarts:0,oom:false,"
    for after, reason in (
        (
            "exited,health:none,exit:3,restarts:0,oom:false,",
            "shop-web-1 exited with code 3, after it had been",
        ),
        ("running,health:none,exit:0,restarts:1,oom:false,", "shop-web-1 does not keep running"),
    ):
        fake.state(well)
        fake.run()
        fake.rules[:] = [f"case $asked in *RestartCount*) (sleep 0.5; echo {after} >state) 2>&1 & ;; esac\n"]
        fake.answer("nothing")
        (outcome,) = fake.do(start("web", gate=Gate("ready", 5, 30)))
        assert outcome.reason.startswith(reason), outcome


def test_two_services_are_judged_each_by_itself(fake: FakeHost) -> None:
    """One look for both; one that is ready does not wait for the other to fail."""
    fake.answer("*RestartCount*", said="")
    pulse = "s|^\\([^ ]*\\) \\([^ ]*\\) .*|\\1 running,health:\\2,exit:0,restarts:0,oom:false, /shop-\\2-1|"
    named = "-e s/web,/healthy,/ -e s/db,/unhealthy,/"
    fake.rules[:] = [f"case $asked in *RestartCount*) sed '{pulse}' list | sed {named}; exit ;; esac\n"]
    fake.answer("nothing")
    assert reasons(fake, start("web"), start("db")) == ["", "shop-db-1 is unhealthy"]


@pytest.mark.parametrize(
    ("state", "verb"),
    [("running", "restart"), ("restarting", "restart"), ("paused", "unpause"), ("exited", "start")],
)
def test_a_container_runs_again_in_the_way_that_it_needs(fake: FakeHost, state: str, verb: str) -> None:
    """It is the same one."""
    fake.run("web")
    fake.state(f"{state},health:none,exit:0,restarts:0,oom:false,")
    fake.answer("'docker-compose -p'*")
    fake.do(restart("web", identity(1), gate=Gate("none", 1)))
    assert verb in fake.calls()


def test_what_cannot_start_again_is_made_anew(fake: FakeHost) -> None:
    """Where the step says so, which it does: it is removed, and Compose makes what is missing."""
    fake.run("web")
    fake.state("exited,health:none,exit:1,restarts:0,oom:false,")
    fake.answer("'docker start'*", errors="network gone", code=1)
    fake.do(restart("web", identity(1), gate=Gate("none", 1)))
    calls = fake.calls()
    assert calls.index("rm") < calls.index("compose")


def test_a_restart_that_compose_cannot_complete_says_why(fake: FakeHost) -> None:
    """As a start does."""
    fake.run("web")
    fake.answer("*' up '*", said="Error: no such network", code=1)
    assert reasons(fake, restart("web", identity(1))) == [
        "Docker Compose could not start it: Error: no such network"
    ]
