"""Whatever ansible-core accepts without a warning, deploytool reads in the same way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploytool.cli.commands.inventory import as_json, graph_lines, host_document, list_document
from deploytool.core.placement.patterns import NoMatch, select
from deploytool.errors import InputError
from deploytool.load.inventory.extra_vars import parse_extra_vars
from deploytool.load.inventory.inventory_loader import Layers, LoadedInventory, Sources, load_inventory
from deploytool.load.inventory.vault import Vault
from tests.ansible.oracle_cases import HAND_WRITTEN, PASSWORD, REFUSED, Case, oracle_environment
from tests.ansible.oracle_generate import generated

pytestmark = pytest.mark.ansible

ACCEPTED = [*HAND_WRITTEN, *generated()]
HERE = Layers(Path())

Answers = dict[str, dict[str, Any]]
Folders = Callable[[Case], Path]


def names(case: Case) -> str:
    return case.name.replace(" ", "-")


@pytest.fixture(params=ACCEPTED, ids=names)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def answer(case: Case, answers: Answers) -> dict[str, Any]:
    return answers[case.name]


@pytest.fixture
def loaded(case: Case, answers: Answers, folder_of: Folders) -> Iterator[LoadedInventory]:
    before = Path.cwd()
    os.chdir(folder_of(case) / case.cwd)
    vault = Vault((PASSWORD.encode(),)) if case.vault else None
    environ = oracle_environment(folder_of(case))
    sources = Sources(parse_extra_vars(case.extra, vault), vault, environ)
    yield load_inventory(case.where(folder_of(case)), sources)
    os.chdir(before)


def test_list(answer: dict[str, Any], loaded: LoadedInventory) -> None:
    """The JSON of ``--list`` is the same, to the byte."""
    document = list_document(loaded, loaded.names.groups["all"].hosts, HERE)
    assert as_json(document) == answer["list"]


def test_said_nothing(case: Case, answer: dict[str, Any]) -> None:
    """The cases are such that ansible-core accepts them without a word; else they would prove nothing."""
    assert "refused" not in answer
    lines = [line for line in answer["said"].splitlines() if "supplied host pattern" not in line]
    assert not lines or case.name in TALKED_ABOUT


TALKED_ABOUT = {
    "ini with unicode": "group names other than ASCII are named, and kept",
    "names that Ansible keeps to itself": "reserved names are named, and overruled",
    "filters, tests and lookups": "Jinja's tojson gives Markup, and that is named",
}


def test_graph(answer: dict[str, Any], loaded: LoadedInventory) -> None:
    """The text of ``--graph`` is the same."""
    assert "\n".join(graph_lines(loaded, "all")) == answer["graph"]


def test_host(answer: dict[str, Any], loaded: LoadedInventory) -> None:
    """The JSON of ``--host`` is the same for every host, and the hosts come in the same order."""
    ours = {host: as_json(host_document(loaded, host, HERE)) for host in loaded.names.hosts}
    assert ours == answer["hosts"]
    assert list(ours) == list(answer["hosts"])


def test_patterns(case: Case, answer: dict[str, Any], loaded: LoadedInventory) -> None:
    """A pattern selects the same hosts, in the same order where ansible-core's own order is a fixed one."""
    for pattern, theirs in answer["patterns"].items():
        try:
            ours = list(select(pattern, loaded.names))
        except NoMatch:
            assert not theirs or _has_unknown_part(pattern, answer), pattern
            continue
        assert sorted(ours) == sorted(theirs), pattern
        assert ours == theirs or not case.shallow, pattern


def _has_unknown_part(pattern: str, answer: dict[str, Any]) -> bool:
    """Whether ansible-core complained about a part of the pattern, which is an error here."""
    parts = [part.lstrip("&!").strip() for part in pattern.replace(",", ":").split(":")]
    return any(
        f"ignoring: {part.split('[')[0]}" in answer["said"].replace("\n", " ") for part in parts if part
    )


def test_limit(answer: dict[str, Any], loaded: LoadedInventory) -> None:
    """``--list`` with ``--limit`` leaves the same hosts."""
    everyone = loaded.names.groups["all"].hosts
    for limit, theirs in answer["limits"].items():
        try:
            chosen = set(select(limit, loaded.names))
        except NoMatch:
            continue
        document = list_document(loaded, [host for host in everyone if host in chosen], HERE)
        assert as_json(document) == theirs, limit


def test_rendered(answer: dict[str, Any], loaded: LoadedInventory) -> None:
    """Templates see the same values, whatever wins in the end."""
    for host, theirs in answer["vars"].items():
        scope = loaded.scope(host, HERE)
        ours = {name: json.loads(json.dumps(scope[name], default=str)) for name in theirs}
        if "groups" in ours:
            ours["groups"], theirs["groups"] = _sorted(ours["groups"]), _sorted(theirs["groups"])
        assert ours == theirs


def _sorted(groups: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: sorted(hosts) for name, hosts in groups.items()}


@pytest.mark.parametrize("case", REFUSED, ids=names)
def test_refused(case: Case, answers: Answers, folder_of: Folders) -> None:
    """What ansible-core refuses, warns about, or reads by half is an error here, with a place."""
    answer = answers[case.name]
    assert "refused" in answer or answer["said"]
    with pytest.raises(InputError) as caught:
        load_inventory(case.where(folder_of(case)))
    assert all(str(problem.place) for problem in caught.value.problems)


@pytest.mark.parametrize("tool", ["ansible-inventory", "ansible"])
def test_the_oracle_is_the_tool_itself(tool: str, answers: Answers, folder_of: Folders) -> None:
    """The programs that people type say what the oracle's children say."""
    case = next(case for case in HAND_WRITTEN if case.name == "shop")
    options = ["--list"] if tool == "ansible-inventory" else ["--list-hosts", "web:&eu"]
    program = Path(sys.executable).with_name(tool)
    run = subprocess.run(
        [str(program), "-i", case.where(folder_of(case)), *options],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder_of(case),
        env=oracle_environment(folder_of(case)),
        check=True,
    )
    if tool == "ansible-inventory":
        assert run.stdout.strip() == answers[case.name]["list"]
    else:
        assert [line.strip() for line in run.stdout.splitlines()[1:]] == answers[case.name]["patterns"][
            "web:&eu"
        ]
