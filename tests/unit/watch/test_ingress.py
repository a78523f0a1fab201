"""A watcher over services behind ingress: the proxies are one more project, and are repaired as any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from deploytool.model.event import StepFailed
from deploytool.model.ingress import INGRESS_PROJECT, PROXY
from tests.builders import Fleet, intent
from tests.unit.run.test_ingress import shop
from tests.unit.watch.watching import Watching


def test_replicas_behind_ingress_and_the_proxies_before_them_are_repaired():
    """Both, each once; afterwards nothing differs and nobody is left alone."""
    fleet = Fleet.of("h1", "h2", "h3")
    wanted = intent(shop(3))
    watching = Watching(fleet, wanted)
    watching.turns(30)
    assert watching.snapshot.whole, watching.notes
    host = next(
        name
        for name, memory in fleet.hosts.items()
        if any(c.project == INGRESS_PROJECT for c in memory.containers)
    )
    for project in (INGRESS_PROJECT, "shop"):
        before = [c for c in fleet.hosts[host].containers if c.project == project]
        fleet.hosts[host].containers.remove(before[0])
        watching.stir(host)
        watching.turns(20)
        after = [c for c in fleet.hosts[host].containers if c.project == project]
        assert len(after) == len(before), (project, watching.notes)
        assert watching.snapshot.whole, (project, watching.notes)
    assert "bug" not in watching.notes
    assert not any(service.why for service in watching.snapshot.services)
    kept = fleet.hosts[host].containers
    kept[0] = replace(kept[0], state="exited", exit_code=137)
    watching.stir(host)
    watching.turns(20)
    assert watching.snapshot.whole, watching.notes


def test_an_update_of_the_proxies_that_cannot_begin_is_tried_less_and_less_often():
    """Their image is not there: those that run go on, and nobody tries again without a pause."""
    fleet = Fleet.of("h1", "h2", "h3")
    watching = Watching(fleet, intent(shop(3)))
    watching.turns(30)
    assert watching.snapshot.whole, watching.notes
    for memory in fleet.hosts.values():
        memory.images = {"demo/web:1", "envoy:1"}
    proxies = fleet.ids("envoy")
    watching.intent, watching.dirty = intent(shop(3, envoy="envoy:typo")), True
    watching.turns(120)
    tries = [event for event in watching.events if isinstance(event, StepFailed)]
    assert 3 <= len(tries) <= 3 * 4, watching.notes  # on three hosts, after 0, 10, 30 and 70 seconds
    assert fleet.ids("envoy") == proxies and not watching.snapshot.whole
    (proxy,) = (
        one for one in watching.snapshot.services if (one.project, one.name) == (INGRESS_PROJECT, PROXY)
    )
    assert sum(proxy.healthy.values()) == proxy.wanted == 3 and proxy.why
    for memory in fleet.hosts.values():
        memory.images = None
    watching.intent, watching.dirty = intent(shop(3, envoy="envoy:2")), True
    watching.turns(5)  # with other files nobody is left alone any more
    assert fleet.images("envoy") == {"envoy:2"}, watching.notes
    watching.turns(30)
    assert watching.snapshot.whole, watching.notes


def _lose_one(watching: Watching) -> None:
    memory = watching.fleet.hosts["h2"]
    memory.containers.remove(next(c for c in memory.containers if c.service == "web"))
    watching.stir("h2")


def _one_too_many(watching: Watching) -> None:
    memory = watching.fleet.hosts["h2"]
    web = next(c for c in memory.containers if c.service == "web")
    memory.containers.append(replace(web, id="another", name="shop-web-9", number=9))
    watching.stir("h2")


def _other_files(**options: object) -> Callable[[Watching], None]:
    def change(watching: Watching) -> None:
        watching.intent, watching.dirty = intent(shop(**{"replicas": 3, **options})), True

    return change


CHANGES = {
    "a replica is lost": _lose_one,
    "a replica is too many": _one_too_many,
    "fewer replicas": _other_files(replicas=2),
    "another image": _other_files(image="demo/web:2"),
    "another proxy": _other_files(envoy="envoy:2"),
}


@pytest.mark.parametrize("verb", ["prepare", "start", "endpoints", "drain", "stop", "record"])
@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_fails_again_and_again_is_tried_less_and_less_often(verb, change):
    """A verb that fails on all hosts for two minutes; when it works again, so does everything."""
    watching = Watching(Fleet.of("h1", "h2", "h3"), intent(shop(3)))
    watching.turns(30)
    assert watching.snapshot.whole, watching.notes
    watching.fleet.fault = lambda host, asked, when: "it fails" if (asked, when) == (verb, "before") else ""
    CHANGES[change](watching)
    watching.turns(120, most=500)
    failed = sum(isinstance(event, StepFailed) for event in watching.events)
    assert failed <= 3 * 6, watching.notes  # on three hosts, after 0, 0, 10, 30 and 70 seconds, and the rest
    watching.fleet.fault = lambda *call: ""
    watching.turns(400)
    assert watching.snapshot.whole, watching.notes
