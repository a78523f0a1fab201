"""Variables by precedence."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.load.inventory.inventory_loader import Layers, Sources, load_inventory
from deploytool.load.inventory.variables import VarsFolder, read_vars_file
from deploytool.load.text.problems import Problems

LEVELS = [
    ("inline all", "hosts.yaml", "all: {vars: {v: 1}}\n"),
    ("inline group", "hosts.yaml", "web: {vars: {v: 1}}\n"),
    ("inventory group_vars/all", "group_vars/all.yml", "v: 1\n"),
    ("playbook group_vars/all", "play/group_vars/all.yml", "v: 1\n"),
    ("inventory group_vars/web", "group_vars/web.yml", "v: 1\n"),
    ("playbook group_vars/web", "play/group_vars/web.yml", "v: 1\n"),
    ("inline host", "hosts.yaml", "web: {hosts: {h: {v: 1}}}\n"),
    ("inventory host_vars", "host_vars/h.yml", "v: 1\n"),
    ("playbook host_vars", "play/host_vars/h.yml", "v: 1\n"),
    ("play vars", "", ""),
    ("vars_files", "", ""),
    ("extra", "", ""),
]


@pytest.mark.parametrize("lower", range(len(LEVELS) - 1))
def test_each_level_beats_the_one_below(lower: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two levels next to each other the higher one wins."""
    monkeypatch.chdir(tmp_path)
    given = LEVELS[lower : lower + 2]
    inventory = Path("inventory")
    inventory.mkdir()
    (inventory / "base.yaml").write_text("web: {hosts: {h: }}\n")
    for number, (name, file, text) in enumerate(given):
        path = inventory / (f"{number}-{file}" if file == "hosts.yaml" else file)
        if file.startswith("play/"):
            path = Path(file)
        if file:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("v: 1", f"v: {name}"))
    names = [name for name, _, _ in given]
    layers = Layers(
        Path("play"),
        vars={"v": "play vars"} if "play vars" in names else {},
        vars_files=[{"v": "vars_files"}] if "vars_files" in names else [],
    )
    extra = {"v": "extra"} if "extra" in names else {}
    assert load_inventory("inventory", Sources(extra)).variables("h", layers)["v"] == names[1]


def test_mappings_replace(tmp_path: Path) -> None:
    """A mapping of a higher level replaces the one below; nothing is merged."""
    (tmp_path / "hosts.yaml").write_text("all: {vars: {m: {a: 1}}, hosts: {h: {m: {b: 2}}}}")
    assert load_inventory(str(tmp_path / "hosts.yaml")).variables("h")["m"] == {"b": 2}


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand hosts of a group cost one reading of its file."""
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "web.yml").write_text("a: 1\n")
    folder = VarsFolder(tmp_path, None, Problems())
    first = folder.of_group("web")
    (tmp_path / "group_vars" / "web.yml").write_text("a: 2\n")
    assert folder.of_group("web") is first


def test_vars_file_places(tmp_path: Path) -> None:
    """Values know their file and line; what is no mapping is a problem."""
    path = tmp_path / "vars.yml"
    path.write_text("a: 1\nb:\n  - x\n")
    problems = Problems()
    values = read_vars_file(path, "vars.yml", None, problems)
    assert str(values.place_of("a")) == "vars.yml:1:4"
    path.write_text("- a\n")
    assert read_vars_file(path, "vars.yml", None, problems) == {}
    assert [str(problem.place) for problem in problems.found] == ["vars.yml:1"]
