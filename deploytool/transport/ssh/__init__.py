"""Hosts over SSH. The only importer of fabric and paramiko, and only once a host is connected.

From the outside in: ``transport`` (connects when needed, sudo) → ``dial`` (one connection within one
deadline; ``auth``, ``keys``, ``hostkeys``, ``sockets``, ``client``, ``bastions``) → ``link`` (commands on an
open connection); or → ``kept`` → ``mux`` (commands on a connection that OpenSSH keeps, without these
libraries). ``target`` puts the inventory (``options``), the SSH configuration (``config``) and the
``settings`` together into what one connection needs to know.
"""

from __future__ import annotations

from deploytool.model.inventory import Host
from deploytool.transport.base import Transport
from deploytool.transport.local import LocalTransport
from deploytool.transport.ssh.options import Unsupported, unsupported_options
from deploytool.transport.ssh.settings import SshSettings
from deploytool.transport.ssh.transport import SshTransport

__all__ = ["SshSettings", "SshTransport", "Unsupported", "open_transport", "unsupported_options"]


def open_transport(host: Host, settings: SshSettings) -> Transport:
    """The way to a host that its connection asks for. Nothing is connected before the first command."""
    if host.connection.kind == "local":
        return LocalTransport(host.name, host.connection)
    return SshTransport(host.name, host.connection, settings)
