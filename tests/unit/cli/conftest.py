"""Files of two projects."""

from __future__ import annotations

import pytest


@pytest.fixture
def arguments(tmp_path):
    inventory = tmp_path / "hosts.yaml"
    inventory.write_text("web: {hosts: {h1: {ansible_host: 192.0.2.1}, h2: {ansible_host: 192.0.2.2}}}\n")
    playbook = tmp_path / "site.yaml"
    playbook.write_text(
        "- {name: shop, hosts: h1, services: {web: {image: demo/web}}}\n"
        "- {name: blog, hosts: h2, services: {web: {image: demo/web}, api: {image: demo/web}}}\n"
    )
    return [str(inventory), str(playbook)]
