"""SSH settings of the command line, the same for all hosts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deploytool.model.secret import Secret


@dataclass(frozen=True, slots=True)
class SshSettings:
    """Defaults that the inventory's options and the SSH configuration override, host by host.

    ``connect_timeout_s`` covers name lookup, TCP, banner, key exchange and login together.
    ``keepalive_s``: seconds between keepalives, 0 for none; a host that leaves three unanswered is lost,
    which takes four times as long.
    ``accept_new_host_keys``: trust a host on first contact and remember its key; a changed key is refused
    all the same.
    ``starts_per_address``: the most unauthenticated connections at a time to one sshd or through one
    ProxyCommand, since sshd drops them from 10 on (MaxStartups).
    ``control_persist_s``: seconds that OpenSSH keeps an unused connection for later runs, with its socket in
    ``control_directory``; 0 keeps none.
    ``passphrase`` is called with the path of an encrypted key file, by one thread at a time; None: the
    passphrase is not known.
    """

    connect_timeout_s: float = 10.0
    keepalive_s: int = 10
    accept_new_host_keys: bool = False
    starts_per_address: int = 8
    control_persist_s: float = 0.0
    control_directory: str = ""
    passphrase: Callable[[str], Secret | None] | None = None
