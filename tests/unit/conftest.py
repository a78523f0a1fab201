"""A site for the tests of commands."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An inventory of one host that refuses connections, and a playbook."""
    (tmp_path / "hosts.yaml").write_text(
        "all: {hosts: {h1: {ansible_host: 127.0.0.1, ansible_port: 1}}}\n", "utf-8"
    )
    (tmp_path / "site.yaml").write_text(
        '- {name: Shop, hosts: all, services: {web: {image: "a:{{ tag }}"}}, vars: {tag: "1"}}\n', "utf-8"
    )
    return tmp_path
