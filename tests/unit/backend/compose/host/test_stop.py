"""The verbs stop and forget: what goes, and what is said of what does not."""

from __future__ import annotations

import pytest

from deploytool.errors import HostUnreachable
from tests.unit.backend.compose.host.fake_docker import MINE, THEIRS, FakeHost, identity, prepare, stop


@pytest.fixture
def fake(fake: FakeHost) -> FakeHost:
    fake.done(prepare())
    fake.run("web", "web", "db")
    fake.calls()
    return fake


def test_a_container_that_stays_fails_its_own_step_only(fake: FakeHost) -> None:
    """With what Docker said."""
    fake.answer("'docker rm'*", errors="removal is already in progress", code=1)
    fake.answer("'docker ps'*", said=identity(1))
    web, db = fake.do(stop("web", identity(1), identity(2)), stop("db", identity(3)))
    assert web.reason == "a container could not be removed: removal is already in progress"
    assert db.ok


def test_what_is_gone_already_is_stopped(fake: FakeHost) -> None:
    """Whoever did it."""
    fake.answer("'docker rm'*", errors="No such container", code=1)
    fake.answer("'docker ps'*", said="")
    fake.done(stop("web", identity(1)))


def test_an_engine_that_is_gone_has_stopped_nothing(fake: FakeHost) -> None:
    """What became of the containers is not known."""
    fake.answer("'docker rm'*", errors="Cannot connect to the Docker daemon", code=1)
    fake.answer("'docker ps'*", code=1)
    with pytest.raises(HostUnreachable, match="the Docker engine does not answer"):
        fake.do(stop("web", identity(1)))


def test_a_lease_that_is_lost_while_containers_stop_ends_the_verb(fake: FakeHost) -> None:
    """Nothing is removed for a run that has no lease any more."""
    lease = fake.folder / "lease"
    fake.rules.append(
        f"case $asked in 'docker stop'*) printf 'other\\n99999999999\\n{{}}\\n' >{lease} ;; esac\n"
    )
    fake.answer("nothing")
    (outcome,) = fake.do(stop("web", identity(1)))
    assert outcome.lease_conflict and outcome.lease_conflict.owner == "other"
    assert "rm" not in fake.calls()


def test_a_project_that_has_containers_is_not_forgotten(fake: FakeHost) -> None:
    """Nor one whose lease another run has."""
    assert fake.engine.forget("shop", MINE).reason == "it still has containers"
    fake.run()
    assert fake.engine.forget("shop", THEIRS).lease_conflict
    fake.answer("'docker network ls'*", said="n1\nn2")
    fake.calls()
    assert fake.engine.forget("shop", MINE).ok
    assert not fake.folder.exists()
    assert fake.calls() == ["ps", "network", "network"], "each network is removed"
