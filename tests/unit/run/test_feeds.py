"""Feeds of many hosts: losses are said, the rest goes on, and what is back is followed again."""

from __future__ import annotations

import pytest

from deploytool.backend.memory.engine import MemoryEngine
from deploytool.model.container import Container, ContainerEvent
from deploytool.model.log import Live, LogLine, LogQuery
from deploytool.model.observed import Unreachable
from deploytool.run import feeds as module
from deploytool.run.feeds import Following
from tests.builders import Fleet
from tests.streams import DEADLINE_S, in_thread, until

QUERY = LogQuery((("shop", "web"),), follow=True)


def line(second: int, text: str = "hello") -> LogLine:
    return LogLine(f"2026-01-01T00:00:{second:02}.000000000Z", text, "shop", "web", 1, "shop-web-1")


class Reader:
    """Follows a fleet in a thread of its own."""

    def __init__(self, fleet: Fleet, open_feed, *, live: bool = False, again: bool = True) -> None:
        self.told: list[tuple[str, object]] = []
        self.said: list[tuple[str, str]] = []
        key = (lambda event: ("", event.time_s)) if live else (lambda one: (getattr(one, "when", ""), 0.0))
        is_live = None if live else lambda one: isinstance(one, Live)
        self.following = Following(fleet.hosts, open_feed, key, self._say, is_live=is_live, again=again)
        self.following.__enter__()
        self.thread = in_thread(lambda: self.told.extend((one.host, one.value) for one in self.following))

    def _say(self, host: str, lost: Unreachable | None) -> None:
        self.said.append((host, lost.reason if lost else "back"))

    def end(self) -> None:
        self.following.__exit__()
        self.thread.join(DEADLINE_S)
        assert not self.thread.is_alive()


def logs_of(fleet: Fleet, query: LogQuery):
    return lambda host, last: MemoryEngine(fleet.hosts[host]).logs(query)


def events_of(fleet: Fleet):
    return lambda host, last: MemoryEngine(fleet.hosts[host]).events()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", (0.01,))


def test_logs_of_all_hosts_come_by_time() -> None:
    """And end by themselves where nothing is followed."""
    fleet = Fleet.of("h1", "h2")
    for host, second in (("h1", 1), ("h2", 2), ("h1", 3), ("h2", 4)):
        fleet.hosts[host].write(line(second))
    reader = Reader(fleet, logs_of(fleet, LogQuery(QUERY.services)))
    reader.thread.join(DEADLINE_S)
    assert [(host, one.when[17:19]) for host, one in reader.told] == [
        ("h1", "01"),
        ("h2", "02"),
        ("h1", "03"),
        ("h2", "04"),
    ]
    assert reader.following.lost == {}


def test_what_is_written_later_is_followed() -> None:
    """Until somebody has had enough."""
    fleet = Fleet.of("h1", "h2")
    reader = Reader(fleet, logs_of(fleet, QUERY))
    until(lambda: all(host.followers for host in fleet.hosts.values()))
    fleet.hosts["h2"].write(line(1, "new"))
    until(lambda: [one.text for _, one in reader.told] == ["new"])
    reader.end()
    assert not any(host.followers for host in fleet.hosts.values())


def test_a_dead_host_is_said_once_and_the_others_go_on() -> None:
    """It is tried again, and said to be back when it is."""
    fleet = Fleet.of("h1", "h2")
    fleet.hosts["h2"].reachable = False
    reader = Reader(fleet, events_of(fleet), live=True)
    until(lambda: bool(reader.said))
    until(lambda: bool(fleet.hosts["h1"].feeds))
    fleet.hosts["h1"].happen("start", Container("1", "shop-web-1"))
    until(lambda: len(reader.told) == 1)
    assert reader.said == [("h2", "no answer")]
    assert set(reader.following.lost) == {"h2"}
    fleet.hosts["h2"].reachable = True
    until(lambda: bool(fleet.hosts["h2"].feeds))
    fleet.hosts["h2"].happen("start", Container("2", "shop-web-1"))
    until(lambda: len(reader.told) == 2)
    assert reader.said == [("h2", "no answer"), ("h2", "back")]
    reader.end()


def test_an_engine_that_is_restarted_is_followed_again() -> None:
    """What happened before is not told twice."""
    fleet = Fleet.of("h1")
    reader = Reader(fleet, events_of(fleet), live=True)
    until(lambda: bool(fleet.hosts["h1"].feeds))
    before = fleet.hosts["h1"].feeds[0]
    fleet.hosts["h1"].end_feeds("the Docker engine ended its events")
    until(lambda: fleet.hosts["h1"].feeds[-1:] not in ([], [before]))
    fleet.hosts["h1"].happen("die", Container("1", "shop-web-1", exit_code=1))
    until(lambda: bool(reader.told))
    assert [(host, event.action) for host, event in reader.told] == [("h1", "die")]
    assert isinstance(reader.told[0][1], ContainerEvent)
    reader.end()


def test_a_host_that_somebody_has_to_set_right_is_not_tried_again() -> None:
    """And where it was the only one, all is over."""
    fleet = Fleet.of("h1")
    fleet.hosts["h1"].unusable = "docker is not installed"
    reader = Reader(fleet, events_of(fleet), live=True)
    reader.thread.join(DEADLINE_S)
    assert reader.said == [("h1", "docker is not installed")]
    assert reader.following.lost["h1"].setup
