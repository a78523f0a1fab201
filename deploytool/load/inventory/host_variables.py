"""The ``deploytool_*`` variables of a host, and with them the whole ``Host``."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from deploytool.load.inventory.connection_variables import OptionCheck, connection_of
from deploytool.load.inventory.typed_vars import TypedVars
from deploytool.load.templates.placeholders import OMIT
from deploytool.load.text.located import Raw, Variables
from deploytool.load.text.problems import near
from deploytool.load.text.units import parse_bytes
from deploytool.model.inventory import DEFAULT_DIRECTORY, Host, HostState

PREFIX = "deploytool_"
KNOWN = tuple(PREFIX + name for name in ("address", "cpus", "dir", "labels", "memory", "state"))


def host_of(
    name: str, groups: Sequence[str], variables: Variables, typed_vars: TypedVars, check: OptionCheck
) -> Host:
    """A host as its rendered variables describe it. Problems are added to those of ``typed_vars``."""
    for variable in variables:
        if variable.startswith(PREFIX) and variable not in KNOWN:
            known = ", ".join(word.removeprefix(PREFIX) for word in KNOWN)
            hint = near(variable, KNOWN) or f"the variables of deploytool are {PREFIX} and {known}"
            typed_vars.problems.add(typed_vars.place(variable), f"unknown variable '{variable}'", hint)
    connection = connection_of(name, typed_vars, check)
    states = " | ".join(state.value for state in HostState)
    return Host(
        name=name,
        connection=connection,
        groups=tuple(sorted(groups)),
        labels=typed_vars.parsed(_labels, "deploytool_labels", hint="write one 'name: value' per line") or {},
        state=typed_vars.parsed(_state, "deploytool_state", hint=f"the states are {states}")
        or HostState.ACTIVE,
        address=typed_vars.text("deploytool_address") or connection.address,
        cpus=typed_vars.parsed(_cpus, "deploytool_cpus", hint="give a number of cores: 4, or 0.5"),
        memory_bytes=typed_vars.parsed(_memory, "deploytool_memory", hint="give bytes, or 512M, or 2g"),
        directory=typed_vars.parsed(_directory, "deploytool_dir", hint="give an absolute path")
        or DEFAULT_DIRECTORY,
        vars=variables,
    )


def _labels(value: Raw) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("is not a mapping")
    return {str(key): _label(key, item) for key, item in value.items() if item is not OMIT}


def _label(key: str, value: Raw) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        raise ValueError(f"has the label '{key}' with a value that is not a string or a number")
    return "" if value is None else str(value)


def _state(value: Raw) -> HostState:
    try:
        return HostState(value)
    except ValueError:
        raise ValueError(f"is {value!r:.40}") from None


def _cpus(value: Raw) -> float:
    try:
        cores = 0.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        cores = 0.0
    if not 0 < cores < 1_000_000:
        raise ValueError(f"is {value!r:.40}, not a positive number")
    return cores


def _memory(value: Raw) -> int:
    try:
        amount = parse_bytes(value)
    except ValueError:
        amount = 0
    if amount <= 0:
        raise ValueError(f"is {value!r:.40}, not an amount of memory")
    return amount


def _directory(value: Raw) -> str:
    path = posixpath.normpath(value) if isinstance(value, str) and value.startswith("/") else ""
    if path in ("", "/", "//") or any(ord(character) < 32 for character in path):
        raise ValueError(f"is {value!r:.60}, not an absolute path")
    return path
