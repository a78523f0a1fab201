"""One form for services that mean the same, since the spec of a container is a hash of that form.

Validators normalize each key by itself. Here, differences without meaning are removed: the order of sets,
switches that are off anyway, the longer of two ways to write the same. A difference that may mean something
to some release of Compose or Docker stays.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

from deploytool.load.compose.known_keys import Normalized
from deploytool.load.text.located import Raw

_OFF_ANYWAY = ("oom_kill_disable", "privileged", "read_only", "stdin_open", "tty")
_NOTHING_SAID = [*((key, False) for key in _OFF_ANYWAY), ("restart", "no"), ("networks", {"default": {}})]
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def apply_equivalences(service: dict[str, Raw]) -> None:
    """Change a service in long syntax to the form of all services that mean the same."""
    for key, value in service.items():
        service[key] = _number(_FORMS[key](value) if key in _FORMS else value)
    for key in [key for key, value in service.items() if (key, value) in _NOTHING_SAID]:
        del service[key]


def words(command: Raw) -> Raw:
    """A command line as the words that Compose makes of it; as it is where the two might not agree.

    Compose has its own idea of ``\\``, ``;`` and the like outside of quotes (mattn/go-shellwords).
    """
    if not isinstance(command, str) or not command.strip() or "\\" in command:
        return command
    bare = _QUOTED.sub("", command)
    return command if set(bare) & set("\"'`;&|<>()") else shlex.split(command)


def _healthcheck(check: Normalized) -> dict[str, Raw]:
    if check.get("disable") or check.get("test") == ["NONE"]:
        return {"disable": True}
    kept = {key: value for key, value in check.items() if key != "disable"}
    if isinstance(kept.get("test"), str):
        kept["test"] = ["CMD-SHELL", kept["test"]]
    return kept


def _as_set(one: Callable[[Raw], Raw] = lambda item: item) -> Callable[[list[Raw]], list[Raw]]:
    """The items, each once and in order."""
    return lambda items: sorted({one(item) for item in items})


def _capability(name: str) -> str:
    return name.upper().removeprefix("CAP_")


def _device(entry: Raw) -> str:
    """``/dev/a`` as ``/dev/a:/dev/a:rwm``; devices of other kinds have no such parts."""
    if isinstance(entry, Mapping):
        parts = [entry.get("source", ""), entry.get("target", ""), entry.get("permissions", "")]
    elif entry.startswith("/"):
        parts = [*entry.split(":"), "", ""][:3]
    else:
        return str(entry)
    source, target, permissions = parts
    return f"{source}:{target or source}:{permissions or 'rwm'}"


def _hosts(entries: Raw) -> list[str]:
    """``extra_hosts`` as a mapping, or as a list of ``name:address`` or ``name=address``."""
    if isinstance(entries, Mapping):
        pairs = [(name, address) for name, addresses in entries.items() for address in addresses]
    else:
        pairs = [(parts[0], parts[-1]) for entry in entries if (parts := re.split("[=:]", entry, maxsplit=1))]
    return sorted({f"{name}:{address.strip('[]')}" for name, address in pairs})


def _limits(limits: Normalized) -> dict[str, Raw]:
    return {name: _limit(limit) for name, limit in limits.items()}


def _limit(limit: Raw) -> Raw:
    equal = isinstance(limit, Mapping) and len({*limit.values()}) == 1 and len(limit) == 2
    return limit["soft"] if equal else limit


def _mounts(mounts: list[dict[str, Raw]]) -> list[dict[str, Raw]]:
    return sorted(map(_mount, mounts), key=lambda mount: str(mount["target"]))


def _mount(mount: Normalized) -> dict[str, Raw]:
    kept = {key: value for key, value in mount.items() if value not in (False, {})}
    paths = {"target", "source"} if mount["type"] == "bind" else {"target"}
    return {key: (value.rstrip("/") or "/") if key in paths else value for key, value in kept.items()}


def _by_target(grants: list[dict[str, Raw]]) -> list[dict[str, Raw]]:
    return sorted(grants, key=lambda grant: (grant["target"], grant["source"]))


def _ports(ports: list[dict[str, Raw]]) -> list[dict[str, Raw]]:
    def rank(port: Normalized) -> tuple[int, list[tuple[str, str]]]:
        return port["target"], sorted((key, str(value)) for key, value in port.items())

    return sorted(ports, key=rank)


def _number(value: Raw) -> Raw:
    """1.0 is 1: text of the two would differ."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_FORMS: Mapping[str, Callable[[Raw], Raw]] = {
    "cap_add": _as_set(_capability),
    "cap_drop": _as_set(_capability),
    "command": words,
    "configs": _by_target,
    "device_cgroup_rules": _as_set(),
    "devices": _as_set(_device),
    "entrypoint": words,
    "expose": _as_set(lambda port: port.removesuffix("/tcp")),
    "extra_hosts": _hosts,
    "group_add": _as_set(),
    "healthcheck": _healthcheck,
    "ports": _ports,
    "secrets": _by_target,
    "security_opt": _as_set(),
    "tmpfs": _as_set(),
    "ulimits": _limits,
    "volumes": _mounts,
}
