"""Executable inventories."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.errors import InputError
from deploytool.load.inventory.inventory_loader import load_inventory


def test_script_without_meta_is_asked_for_each_host(tmp_path: Path) -> None:
    """A script that prints no _meta is run once more for each host."""
    path = tmp_path / "hosts.sh"
    path.write_text(
        '#!/bin/sh\n[ "$1" = --list ] && echo \'{"web": ["a", "b"]}\' || echo "{\\"me\\": \\"$2\\"}"\n'
    )
    path.chmod(0o755)
    loaded = load_inventory(str(path))
    assert [loaded.variables(name)["me"] for name in ("a", "b")] == ["a", "b"]


def test_script_that_fails_says_why(tmp_path: Path) -> None:
    """The last line of a failing script's stderr is in the error."""
    path = tmp_path / "hosts.sh"
    path.write_text("#!/bin/sh\necho no token >&2\nexit 3\n")
    path.chmod(0o755)
    with pytest.raises(InputError, match="failed with exit code 3: no token"):
        load_inventory(str(path))
