"""``extends``: services on top of others."""

from __future__ import annotations

from typing import Any

from tests.unit.load.playbooks import Site


def load(site: Site, compose: str) -> Any:
    site.write("shop/compose.yaml", compose)
    return site.project("- name: Shop\n  hosts: web\n  compose: shop/compose.yaml\n")


def test_extends(site: Site) -> None:
    """Mappings merge, lists join, commands replace; another file's paths stay its own."""
    site.write("shop/base/e.env", "E=1\n")
    site.write(
        "shop/base/base.yaml", "services: {base: {image: base, env_file: e.env, labels: [a=1, b=1]}}\n"
    )
    project = load(
        site,
        """
        services:
          web:
            extends: common
            command: [b]
            environment: {X: own}
            ports: ["81:81"]
          common:
            extends: {file: base/base.yaml, service: base}
            command: [a, a]
            environment: [X=1, Y=1]
            ports: ["80:80"]
            labels: {b: 2}
        """,
    )
    web = project.definitions.on(project.hosts[0], {}).services["web"]
    assert (web["image"], web["command"], web["labels"]) == ("base", ["b"], {"a": "1", "b": "2"})
    assert web["environment"] == {"E": "1", "X": "own", "Y": "1"}
    assert [port["published"] for port in web["ports"]] == ["80", "81"]
