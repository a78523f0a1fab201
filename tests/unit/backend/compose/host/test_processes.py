"""How often the scripts that change a host start Docker's command line.

Each of its processes costs a host about 20 ms of its processor, so their number is a promise: of each verb,
and whatever the number of services and replicas.
"""

from __future__ import annotations

from deploytool.model.desired import HostFiles, Manifest
from tests.unit.backend.compose.host.fake_docker import FakeHost, identity, prepare, record, start, stop

SERVICES = ("db", "web", "worker")
IMAGES = tuple(f"demo/{name}:1" for name in SERVICES)


def test_a_first_start_asks_docker_as_little_as_it_can(fake: FakeHost) -> None:
    """Nine replicas of three services: one question for all of them, and none while nothing happens.

    What the engine says of itself is asked anew only where nobody can tell whether it was started anew.
    """
    fake.engine.observe()
    assert sorted(fake.calls()) == ["info", "ps"]
    fake.done(prepare(*IMAGES))
    assert [call for call in fake.calls() if call != "info"] == ["compose", "inspect", "ps"]
    fake.done(*(start(service, 3) for service in SERVICES))
    first, second, third, fourth, *more = fake.calls()
    assert [first, second, third, fourth] == ["ps", "compose", "ps", "events"]
    assert set(more) == {"inspect"} and len(more) <= 2  # one, unless this machine is very slow
    fake.done(record())
    assert [call for call in fake.calls() if call != "info"] == ["ps", "inspect"]


def test_a_definition_that_is_in_place_is_not_checked_again(fake: FakeHost) -> None:
    """It was when it came; another one is."""
    fake.done(prepare(*IMAGES))
    fake.done(start("web", 3))
    fake.calls()
    fake.done(prepare(*IMAGES))
    assert "compose" not in fake.calls()
    fake.done(prepare(files=HostFiles(Manifest("services: {a: {}}\n"))))
    assert "compose" in fake.calls()


def test_stopping_asks_what_is_left_only_where_it_failed(fake: FakeHost) -> None:
    """What Docker says is removed is removed, however many services and replicas."""
    fake.done(prepare(*IMAGES))
    fake.done(*(start(service, 3) for service in SERVICES))
    fake.calls()
    fake.done(stop("web", identity(4), identity(5), identity(6)))
    assert fake.calls() == ["stop", "rm"]


def test_the_engines_events_end_with_the_wait(fake: FakeHost) -> None:
    """Neither a process nor a file of it is left behind."""
    fake.done(prepare(*IMAGES))
    fake.done(start("web", 3))
    left = [path.name for path in fake.folder.iterdir()]
    assert not [name for name in left if name.startswith(".news")]
