"""Playbooks: all plays of all files, and the default playbook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploytool.errors import InputError
from deploytool.load.playbook.playbook_loader import find_playbook
from tests.unit.load.playbooks import Site, play

ROOT = Path(__file__).parents[4]


KEYS_HINT = "docs/compose-support.md lists the keys; one of your own begins with 'x-'"


NAME_HINT = "define it under 'vars' of the play or in the inventory, or pass"


def test_all_problems_of_all_files(site: Site) -> None:
    """Every problem of every playbook shows in one run, sorted, none twice."""
    site.write("compose.yaml", "services: {a: {image: a, imge: b}}\nvolums: {}\n")
    twice = "".join(f"- name: {name}\n  hosts: web\n  compose: compose.yaml\n" for name in "BC")
    found = site.problems(
        {
            "b.yaml": twice,
            "a.yaml": play("replcas: 1\nenvironment: {A: '{{ nope }}', B: '{{ nope }}'}"),
        }
    )
    assert found == [
        f"a.yaml:6:7 unknown key 'replcas' in web | {KEYS_HINT}",
        f"a.yaml:7:24 'nope' is undefined | {NAME_HINT} -e nope=…",
        f"a.yaml:7:41 'nope' is undefined | {NAME_HINT} -e nope=…",
        "compose.yaml:1:26 unknown key 'imge' in a | did you mean 'image'?",
        "compose.yaml:2:1 unknown key 'volums' in the Compose file | did you mean 'volumes'?",
    ]


def test_one_project_belongs_to_one_play(site: Site) -> None:
    """Two plays with the same project are an error that names both."""
    one = play("")
    found = site.problems({"a.yaml": one, "b.yaml": one})
    assert found == [
        "b.yaml:1:3 the project 'shop' is already that of the play 'Shop' at a.yaml:1:3"
        " | give one of the two another name with 'project'"
    ]


def test_find_playbook(tmp_path: Path) -> None:
    """The default playbook is looked for here, then from the inventory upwards."""
    inventory = tmp_path / "a" / "b" / "hosts.yaml"
    inventory.parent.mkdir(parents=True)
    inventory.write_text("")
    with pytest.raises(InputError, match="no such file"):
        find_playbook(str(inventory), tmp_path / "a")
    above = tmp_path / "playbooks" / "site.yml"
    above.parent.mkdir()
    above.write_text("")
    assert find_playbook(str(inventory), tmp_path / "a") == above.resolve()
    here = tmp_path / "a" / "playbooks" / "site.yaml"
    here.parent.mkdir()
    here.write_text("")
    assert find_playbook(str(inventory), tmp_path / "a") == Path("playbooks/site.yaml")


@pytest.mark.parametrize("name", ["site.yaml", "nats.yaml", "example.yaml"])
def test_shipped_playbooks_load(site: Site, name: str) -> None:
    """The demo and the annotated examples load on the inventories that they are written for."""
    inventory = ROOT / "inventories" / ("example.yaml" if name == "example.yaml" else "lab.yaml")
    site.inventory = inventory.read_text()
    book = ROOT / "playbooks" / name
    for file in (book.parent / "files").iterdir():
        site.write(f"files/{file.name}", file.read_bytes())
    assert site.load(book.read_text()).projects


def test_a_play_without_templates_loads_no_jinja(site: Site) -> None:
    """Jinja is loaded with the first template: most of the time of loading a small playbook would be its."""
    inventory, playbook = site.write("hosts.yaml", "web: {hosts: {a: }}"), site.write("play.yaml", play(""))
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from deploytool.core.placement.patterns import select\n"
        "from deploytool.load.inventory.inventory_loader import load_inventory\n"
        "from deploytool.load.playbook.playbook_loader import load_intent\n"
        f"load_intent(load_inventory({str(inventory)!r}), [Path({str(playbook)!r})], select=select)\n"
        "assert 'jinja2' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
