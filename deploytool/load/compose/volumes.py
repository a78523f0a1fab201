"""``volumes`` of a service in short and long syntax → long syntax. ``normalize`` copies files."""

from __future__ import annotations

import re

from deploytool.load.compose.known_keys import Key, State, section
from deploytool.load.compose.validators import (
    INVALID,
    Spot,
    Valid,
    flag,
    integer,
    kind_of,
    non_empty,
    one_of,
    size,
    text,
)
from deploytool.load.text.located import Raw

_BIND = {
    "create_host_path": Key(State.PASSED, flag),
    "propagation": Key(State.PASSED, text),
    "recursive": Key(State.PASSED, text),
    "selinux": Key(State.PASSED, one_of("z", "Z")),
}
_VOLUME = {"nocopy": Key(State.PASSED, flag), "subpath": Key(State.PASSED, text)}
_TMPFS = {"size": Key(State.PASSED, size), "mode": Key(State.PASSED, integer)}
_IMAGE = {"subpath": Key(State.PASSED, text)}


def _type(value: Raw, spot: Spot) -> Valid:
    word = text(value, spot)
    if word in ("npipe", "cluster"):
        return spot.wrong(f"cannot be '{word}': Docker on Linux without Swarm has none")
    return one_of("volume", "bind", "tmpfs", "image")(value, spot)


MOUNT = {
    "type": Key(State.HONOURED, _type, "volume, bind, tmpfs, image"),
    "source": Key(
        State.HONOURED, non_empty, "a named volume, or a path: relative ones are copied to the host"
    ),
    "target": Key(State.PASSED, non_empty),
    "read_only": Key(State.PASSED, flag),
    "bind": Key(State.PASSED, section(_BIND), keys=_BIND),
    "volume": Key(State.PASSED, section(_VOLUME), keys=_VOLUME),
    "tmpfs": Key(State.PASSED, section(_TMPFS), keys=_TMPFS),
    "image": Key(State.PASSED, section(_IMAGE), keys=_IMAGE),
    "consistency": Key(State.PASSED, text),
}
_LONG = section(MOUNT)
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
_HINT = 'write "data:/path", "./file:/path:ro" or "/host/path:/path"'


def mounts(value: Raw, spot: Spot) -> Valid:
    """``volumes`` as a list of mappings in long syntax, each with its ``place``."""
    if not isinstance(value, list):
        return spot.wrong(f"has to be a list, not {kind_of(value)}", _HINT)
    read = []
    for index, entry in enumerate(value):
        inner = spot.inside(value, index)
        mount = _long(entry, inner) if isinstance(entry, dict) else _short(entry, inner)
        if mount is not INVALID:
            read.append({**mount, "place": inner.place})
    return read


def is_path(source: str) -> bool:
    """True where the source of a mount is a path, false where it is the name of a volume."""
    return source.startswith(("/", ".", "~"))


def _long(entry: dict[str, Raw], spot: Spot) -> Valid:
    read = _LONG(entry, spot)
    missing = {"type", "target"} - set(entry)
    if missing:
        return spot.wrong(f"has an entry without '{min(missing)}'", _HINT)
    if not {"type", "target"} <= set(read):
        return INVALID
    if read["type"] in ("bind", "image") and "source" not in read:
        return spot.wrong(f"has a mount of type {read['type']} without 'source'")
    if read["type"] == "bind" and not is_path(read["source"]):
        read["source"] = f"./{read['source']}"
    return dict(read)


def _short(entry: Raw, spot: Spot) -> Valid:
    written = non_empty(entry, spot)
    if written is INVALID:
        return INVALID
    parts = written.split(":")
    if len(parts) > 3 or not all(parts):
        return spot.wrong(f"has an entry that is no mount: '{written:.60}'", _HINT)
    if len(parts) == 1:
        return {"type": "volume", "target": parts[0]}
    source, target = parts[0], parts[1]
    if not target.startswith("/"):
        return spot.wrong(f"mounts to '{target:.60}', which is not an absolute path", _HINT)
    mount = _plain_mount(source, target)
    if mount is None:
        return spot.wrong(f"'{source:.60}' is neither a path nor the name of a volume", _HINT)
    for option in parts[2].split(",") if len(parts) == 3 else ():
        _apply(option, mount, spot)
    return mount


def _plain_mount(source: str, target: str) -> dict[str, Raw] | None:
    """A mount without options in long syntax; None where ``source`` can be none."""
    if is_path(source):
        bind = {"create_host_path": True}
        return {"type": "bind", "source": source, "target": target, "bind": bind}
    if _NAME.fullmatch(source):
        return {"type": "volume", "source": source, "target": target}
    return None


def _apply(option: str, mount: dict[str, Raw], spot: Spot) -> None:
    match option:
        case "ro" | "readonly":
            mount["read_only"] = True
        case "rw" | "":
            pass
        case "z" | "Z":
            mount.setdefault("bind", {})["selinux"] = option
        case "nocopy":
            mount.setdefault("volume", {})["nocopy"] = True
        case "cached" | "delegated" | "consistent":
            mount["consistency"] = option
        case _ if option in _PROPAGATIONS:
            mount.setdefault("bind", {})["propagation"] = option
        case _:
            spot.wrong(f"has a mount with the unknown option '{option:.20}'", "the usual ones are ro and rw")
