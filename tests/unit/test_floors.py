"""The house stands: imports go down only, and only the rooms that may do so print, exit or open a shell."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import deploytool

PACKAGE = Path(deploytool.__file__).parent
FLOORS = {
    "errors": 0,
    "model": 0,
    "load": 1,
    "core": 1,
    "render": 1,
    "report": 1,
    "engine": 2,
    "run": 3,
    "lab": 3,
    "cli": 4,
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every imported module with its line, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or "", node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def rooms_used(path: Path) -> Iterator[tuple[str, str]]:
    for name, line in imports(path):
        parts = name.split(".")
        if parts[0] == "deploytool" and len(parts) > 1 and parts[1] in FLOORS:
            yield parts[1], f"{path.relative_to(PACKAGE)}:{line} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path):
    """A room imports lower floors and itself; of its own floor only errors and model know each other."""
    room = room_of(path)
    if room not in FLOORS:
        return
    for used, where in rooms_used(path):
        allowed = used == room or FLOORS[used] < FLOORS[room] or (room, used) == ("model", "errors")
        assert allowed, where


def test_run_sees_engines_only_through_their_base():
    """A concrete engine in run/ would be a second way to a host."""
    for path in (PACKAGE / "run").rglob("*.py"):
        for name, line in imports(path):
            if name.startswith("deploytool.engine"):
                assert name.startswith("deploytool.engine.base"), f"{path}:{line} imports {name}"


def test_only_ssh_imports_fabric_and_paramiko():
    """One room knows the SSH library."""
    for path in MODULES:
        if "ssh" in path.relative_to(PACKAGE).parts:
            continue
        libraries = {name.split(".")[0] for name, _ in imports(path)}
        assert not libraries & {"fabric", "paramiko", "invoke"}, path


def test_decisions_are_pure():
    """No clock, randomness, logging, threads, processes or files in core and model."""
    banned = {
        "time",
        "random",
        "logging",
        "os",
        "subprocess",
        "pathlib",
        "threading",
        "socket",
        "secrets",
        "io",
    }
    for room in ("core", "model"):
        for path in (PACKAGE / room).rglob("*.py"):
            used = {name.split(".")[0] for name, _ in imports(path)} & banned
            assert not used, f"{path}: {used}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_cli_prints_or_exits_and_nobody_opens_a_shell(path):
    """print, sys.exit and shell=True have no business below the cli."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        assert not any(k.arg == "shell" for k in node.keywords), f"{path}:{node.lineno}: shell="
        name = ast.unparse(node.func)
        if room_of(path) != "cli":
            assert name not in {"print", "sys.exit", "exit", "os._exit", "click.echo"}, (
                f"{path}:{node.lineno}: {name}"
            )


def test_help_and_version_import_nothing_heavy():
    """--help has to be quick."""
    code = (
        "import sys\n"
        "from deploytool.cli import app\n"
        "try: app.main(['--help'], standalone_mode=False)\n"
        "except SystemExit: pass\n"
        "heavy = {'fabric', 'paramiko', 'jinja2', 'yaml', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
