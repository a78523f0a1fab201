"""An executable inventory: a script that prints the JSON form when it is called with ``--list``."""

from __future__ import annotations

from pathlib import Path

from deploytool.errors import Place
from deploytool.load.inventory.groups import Roster
from deploytool.load.inventory.json_source import fill_from_listing
from deploytool.load.text.data_file import parse_json
from deploytool.load.text.input_log import note
from deploytool.load.text.located import Variables
from deploytool.load.text.problems import Problems
from deploytool.load.text.program import NotAProgram, output_of
from deploytool.load.text.yaml_file import Map, decoded
from deploytool.model.inputs import OUTPUT


def fill_from_script(roster: Roster, path: Path) -> bool:
    """Add the hosts that a script prints; false where the file is a text that is only marked executable."""
    try:
        raw = output_of([str(path.resolve()), "--list"])
    except NotAProgram:
        return False
    except ValueError as error:
        hint = "an executable inventory is run with --list; 'chmod -x' makes it a file that is read"
        roster.problems.add(Place(str(path)), str(error), hint)
        return True
    note(OUTPUT, str(path), raw)
    root = _json(raw, str(path), roster.problems)
    if root is not None:
        fill_from_listing(roster, root, str(path), lambda host: _ask(path, host, roster.problems))
    return True


def _ask(path: Path, host: str, problems: Problems) -> Variables:
    """The variables of one host, from a script that does not print ``_meta``."""
    try:
        raw = output_of([str(path.resolve()), "--host", host])
    except ValueError as error:
        problems.add(Place(str(path)), f"--host {host}: {error}")
        return {}
    note(OUTPUT, f"{path} --host {host}", raw)
    return (_json(raw, str(path), problems) or {}) if raw.strip() else {}


def _json(raw: bytes, name: str, problems: Problems) -> Map | None:
    text = decoded(raw, name, problems)
    root = None if text is None else parse_json(text, name, problems)
    if root is not None and not isinstance(root, Map):
        problems.add(Place(name), "printed JSON that is no mapping of groups")
    return root if isinstance(root, Map) else None
