"""What the command line decides about SSH, for all hosts alike. No I/O here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deploytool.model.secret import Secret


@dataclass(frozen=True, slots=True)
class SshSettings:
    """Defaults that the inventory's options and the SSH configuration override, host by host.

    ``connect_timeout_s`` covers name lookup, TCP, banner, key exchange and login together.
    ``keepalive_s`` 0 sends none; a host that leaves three unanswered is lost after four times as long.
    ``accept_new_host_keys`` trusts a host on first contact and remembers its key; a changed key is refused
    all the same. ``starts_per_address`` limits the connections that are not logged in yet at one sshd or
    behind one ProxyCommand, since sshd drops them from 10 on.
    ``keep_s`` is for how long OpenSSH keeps a connection that nobody uses, for later runs, in the folder
    ``keep_in``; 0 keeps none.
    ``passphrase`` is asked for the passphrase of an encrypted key file, by path, and may answer None; one
    thread at a time calls it.
    """

    connect_timeout_s: float = 10.0
    keepalive_s: int = 10
    accept_new_host_keys: bool = False
    starts_per_address: int = 8
    keep_s: float = 0.0
    keep_in: str = ""
    passphrase: Callable[[str], Secret | None] | None = None
