"""Every command of the documentation is run as it stands, on real hosts, or says why it is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docpages import ROOT, Block, agrees, blocks, is_marked, pages
from tests.lab.labhosts import LabHosts

_PAGES = [
    page
    for page in pages()
    if is_marked(page) and any(block.is_command and not block.not_run for block in blocks(page))
]
_CHANGING = ("converge", "down ", "rollback")
_DEADLINE_S = 300


@pytest.fixture(scope="module")
def lab_hosts(working_copy_hosts: LabHosts) -> LabHosts:
    """The lab whose ports and containers the pages name."""
    return working_copy_hosts


@pytest.fixture
def folder(page: Path, lab_hosts: LabHosts, tmp_path: Path) -> Iterator[Path]:
    """Where the commands of a page run: the repository's files, the lab's keys, the program."""
    for name in ("inventories", "playbooks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / ".lab").mkdir()
    for file in filter(Path.is_file, (ROOT / ".lab").iterdir()):  # folders are other tests'
        shutil.copy(file, tmp_path / ".lab")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "deploytool"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m deploytool "$@"\n')
    program.chmod(0o755)
    yield tmp_path
    if any(word in page.read_text("utf-8") for word in _CHANGING):
        lab_hosts.heal()


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_page(page: Path, folder: Path) -> None:
    """From top to bottom: each command ends as the page says, and prints what the page shows."""
    for block in blocks(page):
        if block.file:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.body)
        elif block.is_command and not block.not_run:
            _run(block, folder)


def _run(block: Block, folder: Path) -> None:
    for command in block.before:
        done = _shell(command, folder)
        assert done.returncode == 0, f"{block.page}:{block.line} before: {command}\n{done.stdout}"
    steps = list(block.steps())
    for number, (command, expected) in enumerate(steps, 1):
        done = _shell(command, folder)
        wanted = block.exit_code if number == len(steps) else 0
        where = f"{block.page}:{block.line}\n$ {command}\n{done.stdout}"
        assert done.returncode == wanted, f"exit {done.returncode}, not {wanted}: {where}"
        assert not expected.strip() or agrees(done.stdout, expected), where


def _shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As at a prompt without a terminal: stdout and stderr in the order in which they are written."""
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DEPLOYTOOL", "CI", "GIT"))
        },
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "120",
    }
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, text=True, timeout=_DEADLINE_S,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
