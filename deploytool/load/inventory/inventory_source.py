"""The source of an inventory: its form, and the reader of that form.

A folder is all of its files by name, folders within included. An executable is a script that prints JSON.
``-`` is stdin. ``h1,h2,`` are hosts. Other files are YAML, JSON or INI, by their content. The
readers of the rarer forms are imported when they are needed.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from deploytool.errors import Place
from deploytool.load.inventory.groups import UNGROUPED, Roster
from deploytool.load.inventory.vault import Vault, read_plain
from deploytool.load.inventory.yaml_source import fill_from_yaml
from deploytool.load.text.data_file import parse_data
from deploytool.load.text.input_log import note
from deploytool.load.text.located import Raw
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import MAX_BYTES, Map, decoded
from deploytool.model.inputs import OUTPUT

STDIN = "-"
MAX_FOLDER_DEPTH = 16

_YAML_NAMES = ("", ".yml", ".yaml", ".json")
_IGNORED = re.compile(
    r"\..*|host_vars|group_vars|vars_plugins|.*(\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.cfg|\.retry)"
)
_INI_SECTION = re.compile(r"\[[^:\]\s]+(?::\w+)?\]\s*(?:#.*)?")
_NO_FILE_HINT = "give a file, a folder, a script, '-' for stdin, or hosts with commas: h1,h2,"


def fill(roster: Roster, source: str, vault: Vault | None) -> None:
    """Read the source into the roster. Problems are added to those of the roster."""
    path = Path(source)
    if source == STDIN:
        _stdin(roster)
    elif "," in source and not path.exists():
        _host_list(roster, source)
    elif path.is_dir():
        _folder(roster, path, vault, MAX_FOLDER_DEPTH)
    elif not path.exists():
        roster.problems.add(Place(source), "no such file", _NO_FILE_HINT)
    else:
        _file(roster, path, vault)


def folder_of(source: str) -> Path | None:
    """The folder with ``group_vars/`` and ``host_vars/`` of a source; None where it is no path."""
    path = Path(source)
    if source == STDIN or not path.exists():
        return None
    return path if path.is_dir() else path.parent


def _stdin(roster: Roster) -> None:
    raw = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        roster.problems.add(Place(STDIN), f"larger than {MAX_BYTES // 1024 // 1024} MiB")
        return
    note(OUTPUT, STDIN, raw)
    text = decoded(raw, STDIN, roster.problems)
    if text is not None:
        _text(roster, text, STDIN, "")


def _host_list(roster: Roster, source: str) -> None:
    for entry in filter(None, (part.strip() for part in source.split(","))):
        roster.add_hosts(entry, UNGROUPED, Place(source), source)


def _folder(roster: Roster, folder: Path, vault: Vault | None, depth: int) -> None:
    if not depth:
        roster.problems.add(Place(str(folder)), f"nested deeper than {MAX_FOLDER_DEPTH} folders")
        return
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        roster.problems.add(Place(str(folder)), f"cannot be read: {error.strerror}")
        return
    for path in paths:
        if _IGNORED.fullmatch(path.name):
            continue
        if path.is_dir():
            _folder(roster, path, vault, depth - 1)
        else:
            _file(roster, path, vault)


def _file(roster: Roster, path: Path, vault: Vault | None) -> None:
    if path.suffix == ".toml":
        roster.problems.add(Place(str(path)), "TOML inventories cannot be read", "write it as YAML")
        return
    if os.access(path, os.X_OK) and path.is_file():
        from deploytool.load.inventory.script_source import fill_from_script

        if fill_from_script(roster, path):
            return
    text = read_plain(path, str(path), vault, roster.problems)
    if text is not None:
        _text(roster, text, str(path), path.suffix)


def _text(roster: Roster, text: str, name: str, suffix: str) -> None:
    """Read a text in the form that it has. A name like ``hosts.ini`` or ``prod.inventory`` is INI at once."""
    trial = Problems()
    root = parse_data(text, name, trial) if suffix in _YAML_NAMES else None
    if isinstance(root, Map):
        roster.problems.found.extend(trial.found)
        _mapping(roster, root, text, name)
    elif suffix not in _YAML_NAMES or _looks_like_ini(text, root, trial):
        from deploytool.load.inventory.ini_source import fill_from_ini

        fill_from_ini(roster, text, name)
    elif trial.found:
        roster.problems.found.extend(trial.found)
    else:
        hint = "an inventory is a mapping of groups: all: {hosts: {web1: }}"
        roster.problems.add(Place(name, 1), "is no mapping of groups", hint)


def _mapping(roster: Roster, root: Map, text: str, name: str) -> None:
    if not _is_listing(root, text):
        fill_from_yaml(roster, root, name)
        return
    from deploytool.load.inventory.json_source import fill_from_listing

    fill_from_listing(roster, root, name)


def _is_listing(root: Map, text: str) -> bool:
    """True for the JSON form: it has ``_meta``, or is JSON with lists where YAML has mappings."""
    return "_meta" in root or (
        text.lstrip().startswith("{") and any(_has_lists(group) for group in root.values())
    )


def _has_lists(group: Raw) -> bool:
    if isinstance(group, Map):
        return any(isinstance(group.get(key), list) for key in ("hosts", "children"))
    return isinstance(group, list)


def _looks_like_ini(text: str, root: Raw, trial: Problems) -> bool:
    """INI by a line like ``[web]``, or since it is nothing but words, or nothing at all."""
    if isinstance(root, str) or (root is None and not trial.found):
        return True
    return any(_INI_SECTION.fullmatch(line.strip()) for line in text.splitlines())
