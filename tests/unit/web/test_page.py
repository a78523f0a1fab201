"""A watcher's page: all of it is there without a script, and nothing that comes from elsewhere is markup."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from deploytool.model.container import ContainerState, Health
from deploytool.model.snapshot import Action, ReplicaState, Snapshot, WatchedProject
from deploytool.web.page import MARKS, page, sections
from tests.snapshots import HOSTILE, NOW_S, fleet, hostile

VOID = {"meta", "link", "br", "img", "input"}


class Read(HTMLParser):
    """The elements, attributes and texts of a document; unbalanced ones are an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def titles(self) -> list[str]:
        return [value for name, value in self.attributes if name == "title"]


def test_hosts_are_columns_and_services_rows():
    """With a mark for each replica, and one for each that is missing."""
    read = Read(page(fleet()))
    assert read.tags["th"] == 1 + 4 + 2
    assert read.tags["td"] == 2 * 4
    marks = [value for name, value in read.attributes if name == "class" and "replica" in value.split()]
    assert len(marks) == 12 + 1


@pytest.mark.parametrize(
    "wanted",
    [
        "Drift",
        "12 of 13 replicas are healthy",
        "3 of 4 hosts answer",
        "h3 has not answered for 1m : no answer within 10 s",
        "release 12 , 2026-11-25 13:50:18+00:00 by me@here, commit 0f3c9d1e77",
        "lease of ci@runner (converge) on h1",
        "web 6/7 web:1.4.2",
        "h4 drain",
        "+ start 1",
        "web-5 exited (137)",
    ],
)
def test_what_matters_is_text(wanted):
    """Readable without a script, a style or a colour."""
    assert wanted in Read(page(fleet())).text


def test_every_state_has_a_mark():
    """Also those that Docker's containers and healthchecks can have."""
    assert set(MARKS) == set(ReplicaState)
    states = [*ContainerState, *(health for health in Health if health)]
    assert {ReplicaState(state) for state in states} | {ReplicaState.DONE} == set(ReplicaState)


def test_a_mark_says_more_when_it_is_pointed_at():
    """And to those who do not see it."""
    titles = Read(page(fleet())).titles()
    assert "shop-web-5 · unhealthy · restarted 2 times · connection refused" in titles
    assert "shop-web-2 · healthy · of an older definition" in titles
    assert "shop-web-3 · was starting when last seen" in titles
    assert "healthy" in Read(page(fleet())).texts


def test_nothing_that_comes_from_elsewhere_is_markup():
    """Not in a text, not in an attribute; nor does it turn the direction of what follows."""
    plain, read = Read(page(fleet())), Read(page(hostile(fleet())))
    assert read.tags["img"] == 0
    assert read.tags["script"] == plain.tags["script"] == 1
    assert set(read.tags) <= set(plain.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert HOSTILE.replace("\u202e", "\N{REPLACEMENT CHARACTER}") in " ".join(read.texts)
    assert "\u202e" not in page(hostile(fleet()))


def test_nothing_is_fetched_from_elsewhere():
    """All addresses are of this server."""
    read = Read(page(fleet()))
    fetched = [value for name, value in read.attributes if name in ("src", "href")]
    assert sorted(fetched) == ["data:,", "page.css", "page.js"]
    assert not [name for name, _ in read.attributes if name == "style"]


def test_without_a_script_it_is_loaded_again():
    """So that it does not get old."""
    assert ("http-equiv", "refresh") in Read(page(fleet())).attributes


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"ready": False}, "Looking at the hosts"),
        ({"converging": True}, "Converging"),
        ({"projects": ()}, "Not all hosts answer"),
        ({"projects": (WatchedProject("shop", backing_off=True),)}, "Backing off"),
        ({"projects": (), "hosts": ()}, "As expected"),
    ],
)
def test_the_first_word_is_the_verdict(changes, word):
    """The worst that is true."""
    assert Read(page(replace(fleet(), **changes))).texts[:200].count(word) == 1


def test_a_project_that_is_left_alone_says_why():
    """And the files that are not used."""
    snapshot = fleet()
    waiting = replace(
        snapshot.projects[0], waits="left alone: the hosts run release 12, my files say otherwise"
    )
    text = Read(page(replace(snapshot, projects=(waiting,), problem="site.yaml:3: broken"))).text
    assert "Waiting" in text
    assert "Left alone: the hosts run release 12, my files say otherwise" in text
    assert "The files that are there now are not used: site.yaml:3: broken" in text


def test_an_action_names_its_host_once():
    """Whether its text does or not."""
    actions = (Action(NOW_S, "h1: ready", "h1"), Action(NOW_S, "ready", "h1"))
    read = Read(page(replace(fleet(), actions=actions)))
    assert read.text.count("h1 : ready") == 2


def test_an_empty_snapshot_is_a_page():
    """Before the first look."""
    assert "No project was looked at yet." in Read(page(Snapshot())).text


def test_a_large_fleet_keeps_to_its_measure():
    """What hosts' names share is said once, long lists are cut, and each replica costs little."""
    snapshot = fleet(200, 400, ("web", "cache", "queue"))
    html = page(snapshot)
    assert "node001</span>" in html
    assert len(html) < 400 * len(snapshot.replicas)


def test_only_what_changed_is_another_section():
    """So that little has to be sent."""
    before, after = sections(fleet()), sections(replace(fleet(), converging=True))
    assert [name for name in before if before[name] != after[name]] == ["summary"]
