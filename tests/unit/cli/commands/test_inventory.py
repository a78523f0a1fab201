"""``deploytool inventory``: options and errors. What it prints is held by the oracle's tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploytool.cli.commands.inventory import graph_lines, inventory
from deploytool.errors import InputError, UsageError
from deploytool.load.inventory.inventory_loader import load_inventory

HOSTS = "web: {hosts: {w1: {a: 1}, w2: }, children: {sub: {hosts: {s1: }}}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts.yaml").write_text(HOSTS)
    return tmp_path


def run(*arguments: str, stdin: str | None = None, **environ: str) -> str:
    result = CliRunner(env=environ).invoke(inventory, arguments, input=stdin, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output


def test_list_with_limit_and_extra_variables() -> None:
    """--limit chooses hosts, -e lays variables over all of them."""
    document: dict[str, Any] = json.loads(run("hosts.yaml", "--list", "-l", "web:!w2", "-e", "a=2"))
    assert document["_meta"]["hostvars"] == {"w1": {"a": "2"}, "s1": {"a": "2"}}
    assert document["web"] == {"hosts": ["w1"], "children": ["sub"]}


def test_graph_of_a_group() -> None:
    """The graph begins at the group that is named."""
    assert run("hosts.yaml", "sub", "--graph") == "@sub:\n  |--s1\n"


def test_one_host() -> None:
    """--host prints one host's variables."""
    assert json.loads(run("hosts.yaml", "--host", "w1")) == {"a": 1}


def test_stdin() -> None:
    """A dash reads the inventory from stdin, in any of its forms."""
    assert "  |--@web:\n  |  |--h1\n" in run("-", "--graph", stdin="[web]\nh1\n")
    assert "  |--@web:\n  |  |--h1\n" in run("-", "--graph", stdin='{"web": {"hosts": ["h1"]}}')


def test_variables_of_the_working_directory(folder: Path) -> None:
    """group_vars/ of the working directory count, or of --playbook-dir, as for ansible-inventory."""
    for name, value in (("group_vars", 1), ("play/group_vars", 2)):
        (folder / name).mkdir(parents=True)
        (folder / name / "web.yml").write_text(f"v: {value}\n")
    assert json.loads(run("hosts.yaml", "--host", "w2"))["v"] == 1
    assert json.loads(run("hosts.yaml", "--host", "w2", "--playbook-dir", "play"))["v"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--list", "--graph"],
        ["--host", "nosuch"],
        ["--host", "web"],
        ["nosuch", "--graph"],
        ["--list", "-l", "wbe"],
        ["--list", "-l", "@nosuch"],
    ],
)
def test_usage_errors(arguments: list[str]) -> None:
    """A wrong command line is an error of its own, with a sentence."""
    with pytest.raises(UsageError) as caught:
        run("hosts.yaml", *arguments)
    assert caught.value.message


def test_vault_password_file_from_the_environment() -> None:
    """The environment names the password file as the option does."""
    with pytest.raises(InputError) as caught:
        run("hosts.yaml", "--list", DEPLOYTOOL_VAULT_PASSWORD_FILE="nosuch")
    assert caught.value.problems[0].place.file == "nosuch"


def test_a_graph_without_end_is_refused(folder: Path) -> None:
    """Groups that share children double at each level; the graph is counted before it is printed."""
    text = "\n".join(
        f"[g{n}:children]\na{n}\nb{n}\n[a{n}:children]\ng{n + 1}\n[b{n}:children]\ng{n + 1}"
        for n in range(40)
    )
    (folder / "hosts.ini").write_text(text + "\n[g40]\nh\n")
    with pytest.raises(UsageError, match="more than 1000000 lines"):
        list(graph_lines(load_inventory("hosts.ini"), "all"))
