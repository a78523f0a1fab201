"""A watcher over services behind ingress: the proxies are one more project, and are repaired as any other."""

from __future__ import annotations

from dataclasses import replace

from deploytool.model.event import StepFailed
from deploytool.model.ingress import EDGE, PROXY
from tests.builders import Fleet, intent
from tests.unit.run.test_ingress import shop
from tests.unit.run.watching import Watching


def test_replicas_behind_ingress_and_the_proxies_before_them_are_repaired():
    """Both, each once; afterwards nothing differs and nobody is left alone."""
    fleet = Fleet.of("h1", "h2", "h3")
    wanted = intent(shop(3))
    watching = Watching(fleet, wanted)
    watching.turns(30)
    assert watching.snapshot.whole, watching.notes
    host = next(
        name for name, memory in fleet.hosts.items() if any(c.project == EDGE for c in memory.containers)
    )
    for project in (EDGE, "shop"):
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
    (proxy,) = (one for one in watching.snapshot.services if (one.project, one.name) == (EDGE, PROXY))
    assert sum(proxy.healthy.values()) == proxy.wanted == 3 and proxy.why
    for memory in fleet.hosts.values():
        memory.images = None
    watching.intent, watching.dirty = intent(shop(3, envoy="envoy:2")), True
    watching.turns(5)  # with other files nobody is left alone any more
    assert fleet.images("envoy") == {"envoy:2"}, watching.notes
    watching.turns(30)
    assert watching.snapshot.whole, watching.notes
