"""``extends``: a service on top of another one, of the same document or of a file beside it.

Works on services that are not rendered. As in Compose: mappings merge, lists are joined, and single values,
commands and the test of a healthcheck replace. Relative paths of another file start from that file's folder.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploytool.errors import Place
from deploytool.load.compose.known_keys import key_place
from deploytool.load.compose.validators import kind_of
from deploytool.load.compose.volumes import is_path
from deploytool.load.text.located import Raw
from deploytool.load.text.problems import Problems, near
from deploytool.load.text.yaml_file import Dialect, Map, Seq, Str, place_of, read_yaml

MAX_CHAIN = 32

_REPLACED = frozenset({"command", "entrypoint", "test"})
_PAIRS = frozenset({"annotations", "environment", "labels", "sysctls"})
_NAMED = frozenset({"depends_on", "networks"})
_PATHS = frozenset({"env_file", "label_file"})

Render = Callable[[Raw, Place], Raw]


@dataclass(slots=True)
class Extender:
    """Resolves ``extends`` of one document. ``render`` renders values with the variables of the play."""

    folder: Path
    services: Raw
    render: Render
    problems: Problems
    _files: dict[Path, Raw] = field(default_factory=dict)

    def resolved(self, name: str, raw: Map) -> Map:
        """The service on top of all services that it extends."""
        return self._resolved(raw, self.services, self.folder, [("", name)])

    def _resolved(self, raw: Map, services: Raw, folder: Path, chain: list[tuple[str, str]]) -> Map:
        if raw.get("extends") is None:
            return raw
        own = _without(raw, "extends")
        place = raw.place_of("extends")
        target = self._target(self.render(raw["extends"], place), place)
        if target is None:
            return own
        name, file = target
        base_folder = folder
        if file:
            path = Path(os.path.normpath(folder / file))
            services, base_folder = self._services_of(path, place), path.parent
        link = (str(base_folder / file) if file else chain[-1][0], name)
        if link in chain or len(chain) > MAX_CHAIN:
            self.problems.add(place, f"'extends' leads in a circle back to '{name}'")
            return own
        base = self._base(name, services, place)
        if base is None:
            return own
        below = self._resolved(base, services, base_folder, [*chain, link])
        if base_folder != folder:
            below = _moved(below, os.path.relpath(base_folder, folder))
        return _merged(below, own)

    def _base(self, name: str, services: Raw, place: Place) -> Map | None:
        """The service ``name``; None, with a problem unless the file has one already, where there is none."""
        base = services.get(name) if isinstance(services, dict) else None
        if isinstance(base, Map):
            return base
        if services is not None:
            hint = near(name, services) if isinstance(services, dict) else ""
            self.problems.add(place, f"'extends' names '{name}', which is no service", hint)
        return None

    def _target(self, value: Raw, place: Place) -> tuple[str, str] | None:
        """The service and the file that are named; the file is empty for the same document."""
        target = {"service": value} if isinstance(value, str) else value
        if not isinstance(target, dict):
            if isinstance(value, list):
                self.problems.add(place, f"'extends' has to name a service, not {kind_of(value)}")
            return None
        for key in target:
            if key not in ("service", "file"):
                hint = near(key, ("service", "file"))
                self.problems.add(key_place(target, key, place), f"unknown key '{key}' in extends", hint)
        name, file = target.get("service"), target.get("file") or ""
        if isinstance(name, str) and isinstance(file, str) and name:
            return name, file
        self.problems.add(
            place, "'extends' has to name a service", "write extends: {service: base, file: base.yaml}"
        )
        return None

    def _services_of(self, path: Path, place: Place) -> Raw:
        if path not in self._files:
            found = read_yaml(path, str(path), self.problems, Dialect.COMPOSE) if path.is_file() else None
            if not path.is_file():
                self.problems.add(
                    place, f"there is no file '{path}'", "the path starts from the file with 'extends'"
                )
            self._files[path] = found.get("services", {}) if isinstance(found, dict) else None
        return self._files[path]


def _without(raw: Map, key: str) -> Map:
    result = Map(raw.place)
    result.overlay(raw)
    result.pop(key, None)
    return result


def _merged(low: Map, high: Map) -> Map:
    """``high`` on top of ``low``."""
    result = Map(high.place)
    result.overlay(low)
    for key, value in high.items():
        old = result.get(key)
        result[key] = value if old is None or key in _REPLACED else _joined(key, old, value)
        result.keys_at[key], result.values_at[key] = high.key_place(key), high.place_of(key)
    return result


def _joined(key: str, low: Raw, high: Raw) -> Raw:
    if key in _PAIRS | _NAMED:
        low, high = _mapping(key, low), _mapping(key, high)
    if isinstance(low, Map) and isinstance(high, Map):
        return _merged(low, high)
    if not isinstance(high, list):
        return high
    below = low if isinstance(low, list) else [low]
    result = Seq(high.place if isinstance(high, Seq) else Place(""))
    for items in (below, high):
        for index, item in enumerate(items):
            result.append(item)
            result.items_at.append(place_of(items, index, result.place))
    return _by_target(result) if key == "volumes" else result


def _by_target(mounts: Seq) -> Seq:
    """Of two mounts at the same path, the later one."""
    last = {_target_of(mount): index for index, mount in enumerate(mounts)}
    result = Seq(mounts.place)
    for index, mount in enumerate(mounts):
        if last[_target_of(mount)] == index:
            result.append(mount)
            result.items_at.append(mounts.place_of(index))
    return result


def _target_of(mount: Raw) -> str:
    if isinstance(mount, dict):
        return str(mount.get("target", ""))
    parts = str(mount).split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def _mapping(key: str, value: Raw) -> Raw:
    """A list of ``name=value``, or of names, as the mapping that it stands for."""
    if not isinstance(value, Seq):
        return value
    result = Map(value.place)
    for index, entry in enumerate(value):
        name, sign, text = str(entry).partition("=") if key in _PAIRS else (str(entry), "", "")
        place = value.place_of(index)
        result.put(name, Str.at(text, place) if sign else None, place)
    if key == "depends_on":
        for name in result:
            result[name] = Map(result.place_of(name))
    return result


def _moved(raw: Map, to: str) -> Map:
    """The service with its relative paths starting from another folder."""
    result = Map(raw.place)
    result.overlay(raw)
    for key in (*_PATHS, "volumes"):
        if key in result:
            result[key] = _moved_paths(result[key], to, key in _PATHS)
    return result


def _moved_paths(value: Raw, to: str, bare: bool) -> Raw:
    if isinstance(value, Seq):
        result = Seq(value.place)
        result += [_moved_paths(item, to, bare) for item in value]
        result.items_at += value.items_at
        return result
    if isinstance(value, Map):
        moved = Map(value.place)
        moved.overlay(value)
        for key in ("path", "source"):
            if isinstance(moved.get(key), str):
                moved[key] = _moved_path(moved[key], to, bare or moved.get("type") == "bind")
        return moved
    return _moved_path(value, to, bare) if isinstance(value, str) else value


def _moved_path(value: str, to: str, bare: bool) -> str:
    relative = (is_path(value) or bare) and not value.startswith(("/", "~"))
    if not relative:
        return value
    return Str.at(f"./{posixpath.join(to, value)}", getattr(value, "place", Place("")))
