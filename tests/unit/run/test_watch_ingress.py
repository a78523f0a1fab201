"""A watcher over services behind ingress: the proxies are one more project, and are repaired as any other."""

from __future__ import annotations

from dataclasses import replace

from deploytool.model.ingress import EDGE
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
