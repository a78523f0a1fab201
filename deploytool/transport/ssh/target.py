"""The parameters of one SSH connection, with nothing left for a library or for ssh to look up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

# In a name, characters that a shell would interpret; and a leading hyphen, which would make it an option.
_UNSAFE_IN_SHELL = re.compile(r"[\s\"'`$\\;&<>|(){}\0]|^-")


class Algorithms(Enum):
    """The kinds of algorithms that can be restricted, by the name of the OpenSSH option."""

    CIPHERS = "Ciphers"
    MACS = "MACs"
    KEY_EXCHANGE = "KexAlgorithms"
    HOST_KEYS = "HostKeyAlgorithms"
    PUBLIC_KEYS = "PubkeyAcceptedAlgorithms"


@dataclass(frozen=True, slots=True)
class Target:
    """One sshd and the login there. Connections to equal targets are interchangeable.

    ``name`` is the address in the inventory or in ProxyJump, ``address`` the one to connect to.
    ``keys_given``: ``key_files`` were named in the inventory or the configuration, and are not the defaults.
    ``methods`` are authentication methods in the order to try them.
    ``host_key_name`` is the name in known_hosts; with ``host_key_alias`` it is that of HostKeyAlias.
    ``algorithms`` has an OpenSSH list such as ``+a,b`` for each kind that the configuration restricts.
    ``proxy_command`` is as written, with its tokens; ``jump`` is the last jump host, behind its own ``jump``.

    Source: ssh_config(5), whose options the other fields are named after.
    """

    name: str
    address: str
    port: int
    user: str
    key_files: tuple[str, ...]
    keys_given: bool
    certificate_files: tuple[str, ...]
    identities_only: bool
    agent_socket: str | None
    methods: tuple[str, ...]
    known_hosts: tuple[str, ...]
    global_known_hosts: tuple[str, ...]
    host_key_name: str
    host_key_alias: bool
    accept_new: bool
    hash_known_hosts: bool
    connect_timeout_s: float
    connection_attempts: int
    keepalive_s: int
    keepalive_max: int
    forward_agent: bool
    compress: bool
    address_family: str
    bind_address: str | None
    ask_passphrase: bool
    algorithms: tuple[tuple[Algorithms, str], ...]
    proxy_command: str | None = None
    jump: Target | None = None

    @property
    def where(self) -> str:
        """Address and port, for messages."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @property
    def start_limit_key(self) -> str:
        """The unit that connection starts are limited for: a ProxyCommand as written, or the sshd."""
        return self.proxy_command or self.where

    @property
    def expanded_proxy_command(self) -> str:
        """The ProxyCommand with its tokens filled in; empty where there is none."""
        tokens = self._tokens()
        return re.sub("%[hnpr%]", lambda found: tokens[found[0]], self.proxy_command or "")

    def check_proxy_command(self) -> None:
        """Refuse names in a ProxyCommand that a shell would interpret, since a shell runs it.

        Raises:
            ValueError: an address or user that the command contains is not safe.
        """
        for token, value in self._tokens().items():
            if token in (self.proxy_command or "") and _UNSAFE_IN_SHELL.search(value):
                raise ValueError(f"'{value}' cannot be put into a ProxyCommand: the shell would read it")

    def _tokens(self) -> dict[str, str]:
        return {"%h": self.address, "%n": self.name, "%p": str(self.port), "%r": self.user, "%%": "%"}
