"""Authentication: the order in which keys and passwords are tried, and the error when none is accepted.

Order: key files that were named (from the agent where it holds them), then the agent's other keys, then the
default key files; then the password. Unlike in ssh, a named key comes before the agent's others, so that a
full agent does not use up the attempts that sshd allows (MaxAuthTries).

Source: RFC 4252 (publickey, password), RFC 4256 (keyboard-interactive), ssh_config(5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import paramiko

from deploytool.errors import HostUnreachable
from deploytool.model.secret import Secret
from deploytool.transport.ssh.keys import (
    ENCRYPTED,
    PASSPHRASE_VARIABLE,
    Agent,
    KeyRing,
    certified,
    public_blob,
)
from deploytool.transport.ssh.settings import SshSettings
from deploytool.transport.ssh.target import Target

_KEY_RING = KeyRing()


def ask_for_passphrases(target: Target, settings: SshSettings) -> None:
    """Ask for the passphrases of the named keys before the connect deadline starts: typing takes time.

    Keys that the agent holds need no passphrase. Nothing is done where ``settings.passphrase`` is None.
    """
    if settings.passphrase is None or not (target.ask_passphrase and target.keys_given):
        return
    agent = Agent(target.agent_socket)
    try:
        in_agent = {key.asbytes() for key in agent.get_keys()}
    finally:
        agent.close()
    for path in target.key_files:
        if public_blob(path) not in in_agent:
            _KEY_RING.load(path, settings.passphrase)


@dataclass(slots=True)
class Login:
    """One login at one sshd: the ``auth_strategy`` that paramiko's client calls after the key exchange.

    ``tried`` names the keys and passwords that were offered, ``left_out`` the key files that cannot be used,
    each with its reason; ``allowed`` are the methods that the sshd accepts, as far as it has said.
    """

    host_name: str
    target: Target
    settings: SshSettings
    password: Secret | None
    tried: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    allowed: tuple[str, ...] = ()

    def authenticate(self, transport: paramiko.Transport) -> None:
        """Log in.

        Raises:
            HostUnreachable: with ``setup``: nothing was accepted; the message lists what was tried.
            SSHException: the connection was lost.
        """
        agent = Agent(self.target.agent_socket)
        try:
            if not any(self._method(transport, method, agent) for method in self.target.methods):
                raise self.refused()
        finally:
            agent.close()

    def _method(self, transport: paramiko.Transport, method: str, agent: Agent) -> bool:
        """Try one method of RFC 4252; true once logged in."""
        if self.allowed and method not in self.allowed:
            return False
        if method == "publickey":
            return self._public_keys(transport, agent)
        if self.password is None:
            return False
        if method == "password":
            return self._password(transport, self.password.reveal())
        return self._prompt(transport, self.password.reveal())

    def _public_keys(self, transport: paramiko.Transport, agent: Agent) -> bool:
        user = self.target.user
        return any(
            self._attempt(transport, name, partial(transport.auth_publickey, user, key))
            for name, key in self._keys(agent)
        )

    def _password(self, transport: paramiko.Transport, secret: str) -> bool:
        action = partial(transport.auth_password, self.target.user, secret, fallback=False)
        return self._attempt(transport, "the password", action)

    def _prompt(self, transport: paramiko.Transport, secret: str) -> bool:
        """Answer every prompt of keyboard-interactive with the password."""

        def answer(title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
            return [secret for _ in prompts]

        action = partial(transport.auth_interactive, self.target.user, answer)
        return self._attempt(transport, "the password at a prompt", action)

    def _attempt(self, transport: paramiko.Transport, name: str, action: Callable[[], object]) -> bool:
        self.tried.append(name)
        try:
            action()
        except paramiko.BadAuthenticationType as error:
            self.tried.remove(name)
            self.allowed = tuple(error.allowed_types)
        except paramiko.SSHException:
            # Refused, or a key that cannot sign: the next one is tried as long as the connection is open.
            if not transport.is_active():
                raise
        return transport.is_authenticated()

    def _keys(self, agent: Agent) -> Iterator[tuple[str, paramiko.PKey]]:
        """The keys to offer in order, each with a name for messages. Files are read in their turn."""
        in_agent = {key.asbytes(): key for key in agent.get_keys()}
        used: set[bytes] = set()
        if self.target.keys_given:
            yield from self._file_keys(in_agent, used)
        if not self.target.identities_only:
            for blob, key in in_agent.items():
                if blob not in used:
                    yield f"{key.comment or key.get_name()} (agent)", key
        if not self.target.keys_given:
            yield from self._file_keys(in_agent, used)

    def _file_keys(
        self, in_agent: dict[bytes, paramiko.AgentKey], used: set[bytes]
    ) -> Iterator[tuple[str, paramiko.PKey]]:
        ask = self.settings.passphrase if self.target.ask_passphrase else None
        for path in self.target.key_files:
            agent_key = in_agent.get(public_blob(path))
            key = agent_key or _KEY_RING.load(path, ask)
            if isinstance(key, str):
                self.left_out.append(f"{path} ({key})")
                continue
            used.add(key.asbytes())
            name = path if agent_key is None else f"{path} (agent)"
            for certificate in certified(key, path, self.target.certificate_files):
                yield f"{name} with certificate", certificate
            yield name, key

    def refused(self) -> HostUnreachable:
        """The error of a failed login: what was tried, and what the user can do."""
        encrypted = [entry for entry in self.left_out if entry.endswith(f"({ENCRYPTED})")]
        unusable = self.left_out if self.target.keys_given else encrypted
        message = f"{self.target.where} does not let user {self.target.user} in: "
        message += f"tried {', '.join(self.tried)}" if self.tried else "there is no key or password to try"
        if unusable:
            message += f"; cannot use {', '.join(unusable)}"
        if self.allowed:
            message += f"; it takes {', '.join(self.allowed)}"
        return HostUnreachable(message, hint=self._hint(encrypted), host=self.host_name, setup=True)

    def _hint(self, encrypted: list[str]) -> str:
        if encrypted:
            path = encrypted[0].removesuffix(f" ({ENCRYPTED})")
            return f"load the key into an agent with 'ssh-add {path}', or set {PASSPHRASE_VARIABLE}"
        if not self.tried:
            return "set ansible_ssh_private_key_file, load a key into an agent, or set ansible_password"
        return (
            f"put one of these keys into {self.target.user}'s ~/.ssh/authorized_keys on the host,"
            " or correct ansible_user, ansible_ssh_private_key_file or ansible_password"
        )
