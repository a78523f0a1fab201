"""Fixtures for inventories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from deploytool.load.inventory.inventory_loader import LoadedInventory, Sources, load_inventory

Load = Callable[..., LoadedInventory]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads ``hosts.yaml`` with the given text, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)

    def write_and_load(text: str, sources: Sources | None = None, **files: str) -> LoadedInventory:
        Path("hosts.yaml").write_text(dedent(text), encoding="utf-8")
        for name, content in files.items():
            path = Path(name.replace("__", "/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(content), encoding="utf-8")
        return load_inventory("hosts.yaml", sources or Sources())

    return write_and_load
