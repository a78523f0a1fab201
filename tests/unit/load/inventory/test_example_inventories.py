"""The annotated inventories load, and between them show every variable that is honoured."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.load.inventory import connection_variables, host_variables
from deploytool.load.inventory.inventory_loader import Sources, load_inventory
from deploytool.transport.ssh.options import unsupported_options

FOLDER = Path(__file__).parents[4] / "inventories"
EXAMPLES = sorted(path for path in FOLDER.iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_loads(path: Path) -> None:
    """Each example is a right inventory, and asks ssh for nothing that has no meaning here."""
    environ = {"DB_SUDO_PASSWORD": "a", "INNER_PASSWORD": "b"}
    sources = Sources(environ=environ, unsupported=unsupported_options)
    assert load_inventory(str(path), sources).inventory().hosts


def test_every_variable_is_shown() -> None:
    """A variable that is honoured and not in the annotated example is not documented."""
    text = (FOLDER / "example.yaml").read_text()
    honoured = {
        name
        for names in vars(connection_variables).values()
        if isinstance(names, tuple)
        for name in names
        if name.startswith("ansible_") and not name.startswith("ansible_sudo")
    }
    spelt_otherwise = {"ansible_ssh_password", "ansible_ssh_host_key_checking", "ansible_ssh_timeout"}
    shown = (honoured - spelt_otherwise) | set(host_variables.KNOWN)
    missing = {name for name in shown if f"{name}" not in text}
    assert not missing
