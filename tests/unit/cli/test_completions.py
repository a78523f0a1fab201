"""Completion in real shells: what a press of Tab offers, out of the files that stand on the line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HOSTS = "web: {hosts: {web1: , web2: }}\ndb: {hosts: {db1: }}\n"
SITE = """\
- {name: Shop, hosts: web, services: {front: {image: a}, cart: {image: a}}}
- {name: Blog, hosts: db, compose: blog/compose.yaml, tags: [x]}
"""
BLOG = "services: {posts: {image: a}}\n"

# What a line is completed to: as bash itself goes about it.
_BASH = """
. ./completion.bash
COMP_LINE=$1 COMP_POINT=${#1}
compopt() { echo "<$2>"; }
_deploytool_completion
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script() -> str:
    """What ``deploytool completion bash`` prints."""
    argv = [sys.executable, "-m", "deploytool", "completion", "bash"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture
def folder(tmp_path: Path, script: str) -> Path:
    files = {
        "hosts.yaml": HOSTS,
        "playbooks/site.yaml": SITE,
        "playbooks/blog/compose.yaml": BLOG,
        "completion.bash": script,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    command = tmp_path / "bin" / "deploytool"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m deploytool "$@"\n', "utf-8")
    command.chmod(0o755)
    return tmp_path


def shell(folder: Path, *argv: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("deploytool conv", ["converge"]),
        ("deploytool plan hosts.yaml --lim", ["--limit"]),
        ("deploytool plan hosts.yaml --limit ", ["all", "db", "db1", "ungrouped", "web", "web1", "web2"]),
        ("deploytool plan hosts.yaml -l web", ["web", "web1", "web2"]),
        ("deploytool plan hosts.yaml -l web:!w", ["!web", "!web1", "!web2"]),
        ("deploytool plan hosts.yaml --limit=db:web1", ["web1"]),
        ("deploytool plan hosts.yaml --explain ", ["cart", "front", "posts"]),
        ("deploytool down hosts.yaml --project ", ["blog", "shop"]),
        ("deploytool plan ho", ["<default>", ""]),
        ("deploytool plan none.yaml --limit ", [""]),
        ("deploytool plan hosts.yaml -o ", ["json", "jsonl", "markdown", "text"]),
    ],
)
def test_bash_offers_what_the_files_say(folder, line, offered):
    """Also behind : in a pattern, where bash begins another word; nothing where there is no such file."""
    assert sorted(shell(folder, "bash", "--norc", "-c", _BASH, "bash", line).splitlines()) == sorted(offered)


def test_completing_runs_no_inventory_script(folder):
    """A press of Tab is no reason to."""
    script = folder / "inventory.sh"
    script.write_text("#!/bin/sh\ntouch ran\necho '{}'\n", "utf-8")
    script.chmod(0o755)
    shell(folder, "bash", "--norc", "-c", _BASH, "bash", "deploytool plan ./inventory.sh --limit ")
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_scripts_for_other_shells_are_printed(folder, name):
    """What is printed is a script that this shell can read, where the shell is there to ask."""
    script = shell(folder, "deploytool", "completion", name)
    assert "_DEPLOYTOOL_COMPLETE" in script
    if shutil.which(name):
        assert shell(folder, name, "-n", "-c", script) == ""
