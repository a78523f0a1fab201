"""A Compose file as the user has it."""

# ruff: noqa: E501 - a case of a table stands on one line

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.load.playbooks import Site


class TestComposeFile:
    """A Compose file as the user has it."""

    def load(self, site: Site, compose: str, name: str = "Shop") -> Any:
        site.write("shop/compose.yaml", compose)
        return site.project(f"- name: {name}\n  hosts: web\n  compose: shop/compose.yaml\n")

    def test_name_and_version(self, site: Site) -> None:
        """``name`` is the project unless the play says so too; ``version`` has no meaning."""
        project = self.load(site, "version: '3'\nname: own\nservices: {a: {image: a}}\nx-y: 1\n")
        assert project.name == "own"
        site.write("c.yaml", "name: own\nservices: {a: {image: a}}\n")
        found = site.problems("- name: x\n  hosts: web\n  project: shop\n  compose: c.yaml\n")
        assert found[0].startswith("c.yaml:1:7 the Compose file is of the project 'own', the play of 'shop'")

    def test_paths_start_from_the_file(self, site: Site) -> None:
        """Relative paths and .env are those beside the Compose file, not beside the playbook."""
        site.write("shop/.env", "TAG=7\n")
        site.write("shop/a.conf", "x")
        project = self.load(site, "services: {a: {image: 'a:$TAG', volumes: ['./a.conf:/a']}}\n")
        definition = project.definitions.on(project.hosts[0], {})
        assert definition.services["a"]["image"] == "a:7"
        assert len(definition.files) == 1

    @pytest.mark.parametrize(
        ("compose", "expected"),
        [
            ("", "shop/compose.yaml:1 is empty"),
            ("[]", "shop/compose.yaml:1 is a list, not a mapping"),
            ("a: 1", "shop/compose.yaml:1:1 unknown key 'a' in the Compose file"),
            ("volumes: {}", "shop/compose.yaml:1:1 has no 'services'"),
            ("services: {a: {image: a}}\ninclude: [b]", "shop/compose.yaml:2:1 'include' is not supported"),
            ("services: [a]", "shop/compose.yaml:1:11 'services' has to be a mapping, not a list"),
            ("services: {a: {image: a}}\nvolumes: {v: {drver: x}}", "shop/compose.yaml:2:15 unknown key 'drver' in v"),
            ("services: {a: {image: a}}\nsecrets: {s: {external: true}}", "shop/compose.yaml:2:15 'external' is not"),
            ("services: {a: {image: a, ports: !reset []}}", "shop/compose.yaml:1:33 unknown tag '!reset' | it is for"),
            ("services: {a: {image: a, replicas: 2}}", "shop/compose.yaml:1:26 unknown key 'replicas' in a | write it under"),
            ("services: {a: {image: a}}\nconfigs: {s: {}}", "shop/compose.yaml:2:11 's' needs one of file, environment"),
        ],
    )  # fmt: skip
    def test_wrong_files(self, site: Site, compose: str, expected: str) -> None:
        """Errors are placed in the Compose file."""
        site.write("shop/compose.yaml", compose)
        found = site.problems("- name: x\n  hosts: web\n  compose: shop/compose.yaml\n")
        assert any(problem.startswith(expected) for problem in found), found
