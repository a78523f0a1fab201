"""A site whose host is frozen."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that accepts connections and says nothing, as a frozen host does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def site(tmp_path: Path, silent: int) -> Path:
    inventory = f"all: {{hosts: {{h1: {{ansible_host: 127.0.0.1, ansible_port: {silent}}}}}}}\n"
    (tmp_path / "hosts.yaml").write_text(inventory, "utf-8")
    (tmp_path / "site.yaml").write_text("- {name: Shop, hosts: all, services: {web: {image: a}}}\n", "utf-8")
    return tmp_path
