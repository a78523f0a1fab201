"""Hosts over SSH. Only these modules import fabric and paramiko, and only when a host is connected.

``transport`` is what callers use: it connects at the first command and runs commands through sudo. It has
two kinds of connection:

- ``connect`` opens a connection of this process within one deadline, with ``auth``, ``keys``, ``host_keys``,
  ``sockets``, ``client`` and ``jump_hosts``; ``connection`` runs commands on it.
- ``control_master`` has an OpenSSH process keep a connection for later runs; ``control_protocol`` runs
  commands on it, without fabric and paramiko.

``resolve`` computes the ``target`` of either from the inventory, the OpenSSH configuration (``config``,
``options``) and the ``settings``.
"""

from __future__ import annotations

from deploytool.model.inventory import ConnectionKind, Host
from deploytool.transport.base import Transport
from deploytool.transport.local import LocalTransport
from deploytool.transport.ssh.options import Unsupported, unsupported_options
from deploytool.transport.ssh.settings import SshSettings
from deploytool.transport.ssh.transport import SshTransport

__all__ = ["SshSettings", "SshTransport", "Unsupported", "open_transport", "unsupported_options"]


def open_transport(host: Host, settings: SshSettings) -> Transport:
    """The transport for a host: local or SSH. Nothing is connected before the first command."""
    if host.connection.kind == ConnectionKind.LOCAL:
        return LocalTransport(host.name, host.connection)
    return SshTransport(host.name, host.connection, settings)
