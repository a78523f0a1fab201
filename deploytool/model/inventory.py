"""Hosts, groups and how to reach them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deploytool.model.secret import Secret
from deploytool.model.str_enum import StrEnum

DEFAULT_DIRECTORY = "/var/lib/deploytool"


class HostState(StrEnum):
    """What a host may hold: ``active`` all, ``pause`` nothing new, ``drain`` nothing at all."""

    ACTIVE = "active"
    PAUSE = "pause"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class Become:
    """Run as another user through sudo. Without a password, ``sudo -n`` has to work."""

    user: str = "root"
    password: Secret | None = None


class ConnectionKind(StrEnum):
    """How a host is reached."""

    SSH = "ssh"
    LOCAL = "local"  # this machine


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach a host: what ``ssh`` would be told, or ``local`` for this machine.

    ``port``, ``user`` and ``key_files`` are None or empty where the inventory is silent: then the SSH
    configuration decides. ``options`` are OpenSSH's ``-o Key=Value`` in the order given, keys in lower
    case; ``-J`` arrives as ``proxyjump``, ``-i`` in ``key_files``. ``config_file`` is ``-F``.
    """

    address: str
    kind: ConnectionKind = ConnectionKind.SSH
    port: int | None = None
    user: str | None = None
    key_files: tuple[str, ...] = ()
    password: Secret | None = None
    become: Become | None = None
    options: tuple[tuple[str, str], ...] = ()
    config_file: str | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """A machine in the inventory, with its variables resolved.

    ``groups`` are sorted and leave out ``all``. ``address`` is how other hosts reach it. ``cpus`` and
    ``memory_bytes`` are the declared capacity; None means that what the host reports counts.
    """

    name: str
    connection: Connection
    groups: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    state: HostState = HostState.ACTIVE
    address: str = ""
    cpus: float | None = None
    memory_bytes: int | None = None
    directory: str = DEFAULT_DIRECTORY
    vars: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Group:
    """A named set of hosts. ``hosts`` are its own and its children's, in inventory order."""

    name: str
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """All hosts and groups of one source, both by name and in inventory order."""

    source: str
    hosts: Mapping[str, Host]
    groups: Mapping[str, Group]
