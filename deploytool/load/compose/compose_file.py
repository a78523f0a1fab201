"""A Compose document as written: a file, or the Compose sections of a play. Nothing is rendered here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploytool.errors import Place
from deploytool.load.compose.known_keys import Normalized, State, key_place
from deploytool.load.compose.schema import TOP
from deploytool.load.compose.section_schema import SECTIONS
from deploytool.load.compose.validators import kind_of
from deploytool.load.text.located import Raw
from deploytool.load.text.problems import Problems, near_key
from deploytool.load.text.yaml_file import Dialect, Map, read_yaml

_SERVICES_HINT = "a Compose file has 'services:' at its top level"


@dataclass(frozen=True, slots=True)
class ComposeDocument:
    """A Compose document, raw. Relative paths start from ``folder``; ``sections`` stand beside services."""

    folder: Path
    services: Raw
    sections: Normalized
    place: Place
    project: str = ""
    project_place: Place = Place("")


def read_document(path: Path, name: str, problems: Problems) -> ComposeDocument | None:
    """A Compose file; None with problems where it is none."""
    root = _root(path, name, problems)
    if root is None:
        return None
    check_keys(root, problems)
    if "services" not in root:
        problems.add(root.place, "has no 'services'", _SERVICES_HINT)
        return None
    return ComposeDocument(
        path.parent,
        root["services"],
        _sections(root),
        root.place_of("services"),
        _project(root, problems),
        root.place_of("name"),
    )


def _root(path: Path, name: str, problems: Problems) -> Map | None:
    before = len(problems.found)
    root = read_yaml(path, name, problems, Dialect.COMPOSE)
    if isinstance(root, Map):
        return root
    if len(problems.found) == before:
        what = "is empty" if root is None else f"is {kind_of(root)}, not a mapping"
        problems.add(Place(name, 1), what, _SERVICES_HINT)
    return None


def _project(root: Map, problems: Problems) -> str:
    """The ``name`` in the file; empty where it has none."""
    project = root.get("name")
    if project is None or isinstance(project, str):
        return project or ""
    problems.add(root.place_of("name"), f"'name' has to be text, not {kind_of(project)}")
    return ""


def inline_document(play: Map, folder: Path) -> ComposeDocument:
    """The Compose sections of a play."""
    return ComposeDocument(folder, play["services"], _sections(play), play.place_of("services"))


def check_keys(root: Map, problems: Problems) -> None:
    """Each top-level key has to be one that Compose knows and we do not refuse."""
    for key in root:
        known = TOP.get(key)
        if known is None and not key.startswith("x-"):
            problems.add(
                key_place(root, key, root.place),
                f"unknown key '{key}' in the Compose file",
                near_key(key, TOP),
            )
        elif known and known.state is State.REFUSED:
            problems.add(
                key_place(root, key, root.place), f"'{key}' is not supported: {known.note}", known.hint
            )


def _sections(root: Map) -> dict[str, Raw]:
    return {section: root[section] for section in SECTIONS if root.get(section) is not None}
