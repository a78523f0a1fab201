"""References between services of a play."""

from __future__ import annotations

from tests.unit.load.playbooks import Site, play


def test_circles(site: Site) -> None:
    """Services that wait for each other are an error that shows the circle."""
    rest = "    a: {image: a, depends_on: [b]}\n    b: {image: b, depends_on: [web]}\n"
    (found,) = site.problems(play("depends_on: [a]") + rest)
    assert "services depend on each other in a circle: a → b → web → a" in found


def test_namespaces_of_services_that_share_every_host(site: Site) -> None:
    """``network_mode: service:`` is taken where both services run on every host, and with one host."""
    tail = "    db: {image: db, deploy: {mode: global}}\n"
    body = "network_mode: service:db\n"
    assert "nothing ensures" in site.problems(play(body) + tail)[0]
    assert site.project(play(body + "deploy: {mode: global}") + tail)
    assert site.project((play(body) + tail).replace("hosts: web", "hosts: web1"))
