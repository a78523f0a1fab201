"""Hosts, groups, and the settings of connections to hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deploytool.model.secret import Secret
from deploytool.model.str_enum import StrEnum

DEFAULT_DIRECTORY = "/var/lib/deploytool"


class HostState(StrEnum):
    """The availability of a host: ``pause`` allows no new replicas, ``drain`` no replicas at all."""

    ACTIVE = "active"
    PAUSE = "pause"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class Become:
    """The user to become through sudo. Without a password, ``sudo -n`` has to work."""

    user: str = "root"
    password: Secret | None = None


class ConnectionKind(StrEnum):
    """The kind of a connection."""

    SSH = "ssh"
    LOCAL = "local"  # this machine


@dataclass(frozen=True, slots=True)
class Connection:
    """The settings of the connection to a host, as for ``ssh``; with ``LOCAL`` only ``become`` is used.

    ``port``, ``user`` and ``key_files`` are None or empty where the inventory does not set them: then the SSH
    configuration decides. ``options``: OpenSSH's ``-o Key=Value`` in the order given, keys in lower case;
    ``-J`` becomes ``proxyjump``, ``-i`` is in ``key_files``. ``config_file``: ``-F``.
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

    ``groups``: sorted, without ``all``. ``address``: its address for other hosts. ``cpus`` and
    ``memory_bytes``: the declared capacity; None for the capacity that the host reports.
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
    """A named set of hosts. ``hosts``: its own and those of its children, in inventory order."""

    name: str
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """All hosts and groups of one source, both by name and in inventory order."""

    source: str
    hosts: Mapping[str, Host]
    groups: Mapping[str, Group]
