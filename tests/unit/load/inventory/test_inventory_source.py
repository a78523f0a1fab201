"""The forms of an inventory's source."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.errors import InputError
from deploytool.load.inventory.inventory_loader import load_inventory
from tests.unit.load.inventory.conftest import Load


def test_missing_inventory_is_an_error(tmp_path: Path) -> None:
    """A file that is not there is an error that says what may be given instead."""
    with pytest.raises(InputError) as caught:
        load_inventory(str(tmp_path / "nosuch.yaml"))
    assert caught.value.problems[0].message == "no such file"
    assert "h1,h2," in caught.value.problems[0].hint


def test_plugin_configuration_is_refused(load: Load) -> None:
    """A dynamic source is an error that says how to get its hosts."""
    with pytest.raises(InputError) as caught:
        load("plugin: aws_ec2\nregions: [eu]\n")
    assert "inventory plugin 'aws_ec2'" in caught.value.problems[0].message
    assert "ansible-inventory" in caught.value.problems[0].hint


def test_listing_in_a_file(tmp_path: Path) -> None:
    """What ``ansible-inventory --list`` printed is an inventory, whatever the file is called."""
    path = tmp_path / "inventory.txt.json"
    path.write_text(
        '{"_meta": {"hostvars": {"h": {"a": 1}}},\n\t"all": {"children": ["web"]}, "web": {"hosts": ["h"]}}'
    )
    loaded = load_inventory(str(path))
    assert loaded.names.groups["web"].hosts == ("h",)
    assert dict(loaded.variables("h")) == {"a": 1}
