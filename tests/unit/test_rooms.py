"""The house stands: imports go down only, and each room does no more than its name says."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import deploytool

PACKAGE = Path(deploytool.__file__).parent
FLOORS = (
    ("errors",),
    ("model",),
    ("load.text", "core.placement", "report", "transport"),
    ("load.templates", "core.change"),
    ("load.inventory", "load.compose", "core.ingress", "core.watch"),
    ("load.playbook", "plan"),
    ("backend",),
    ("run", "lab"),
    ("watch",),
    ("web",),
    ("cli",),
)
"""Rooms by floor, the lowest first. A room imports lower floors and itself; rooms of one floor do not know
each other."""

MODULES = sorted(PACKAGE.rglob("*.py"))
PURE = ("model", "core", "plan")
IMPURE_LIBRARIES = frozenset(
    ("io", "logging", "os", "pathlib", "random", "secrets", "socket", "subprocess", "threading", "time")
)


def name_of(path: Path) -> str:
    """``core.placement.filters``."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def room_of(module: str) -> str:
    """The room of a module, as ``FLOORS`` has it; empty for the package itself."""
    rooms = [room for floor in FLOORS for room in floor if f"{module}.".startswith(f"{room}.")]
    return max(rooms, key=len, default="")


FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Every imported module, also inside functions, with the place of the import."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, f"{name_of(path)}:{node.lineno}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", f"{name_of(path)}:{node.lineno}"


def test_imports_go_down_only():
    """A room imports lower floors and itself."""
    wrong = [
        f"{where} imports {name}"
        for path in MODULES
        if (room := room_of(name_of(path)))
        for name, where in imports(path)
        if name.startswith("deploytool.")
        and (used := room_of(name.removeprefix("deploytool.")))
        and used != room
        and FLOOR_OF[used] >= FLOOR_OF[room]
    ]
    assert not wrong, "\n".join(wrong)


def test_each_room_does_no_more_than_its_own_work():
    """Decisions are pure, one room knows the SSH library, backends are known by their promise, cli prints."""
    wrong = []
    for path in MODULES:
        module = name_of(path)
        room = room_of(module)
        for name, where in imports(path):
            library = name.partition(".")[0]
            if room.partition(".")[0] in PURE and library in IMPURE_LIBRARIES:
                wrong.append(f"{where}: decisions are pure, without {library}")
            if library in ("fabric", "paramiko", "invoke") and not module.startswith("transport.ssh"):
                wrong.append(f"{where}: only transport/ssh knows {library}")
            if (
                room in ("run", "watch")
                and name.startswith("deploytool.backend.")
                and not name.startswith("deploytool.backend.base.")
            ):
                wrong.append(f"{where}: a backend is known by its promise only, not {name}")
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            if any(keyword.arg == "shell" for keyword in node.keywords):
                wrong.append(f"{module}:{node.lineno}: nobody opens a shell")
            called = ast.unparse(node.func)
            if room != "cli" and called in {"print", "sys.exit", "exit", "os._exit", "click.echo"}:
                wrong.append(f"{module}:{node.lineno}: only cli calls {called}")
    assert not wrong, "\n".join(wrong)


def test_help_and_version_import_nothing_heavy():
    """``--help`` has to be quick."""
    code = (
        "import sys\n"
        "from deploytool.cli import app\n"
        "try: app.main(['--help'], standalone_mode=False)\n"
        "except SystemExit: pass\n"
        "heavy = {'fabric', 'paramiko', 'jinja2', 'yaml', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
