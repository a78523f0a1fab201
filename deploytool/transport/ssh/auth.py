"""Logs in: which keys and passwords are tried, in which order, and what to say when none was taken.

Order: key files that somebody named (from the agent where it holds them), then the agent's other keys, then
the default key files; then the password. A named key comes before the agent's others, other than in ssh, so
that a full agent does not use up the tries that sshd allows.
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
    """Open the keys that somebody named before any clock runs: whoever types takes their time.

    Keys that the agent holds need no passphrase. Without a way to ask, nothing happens.
    """
    if settings.passphrase is None or not (target.ask_passphrase and target.keys_given):
        return
    agent = Agent(target.agent)
    try:
        held = {key.asbytes() for key in agent.get_keys()}
    finally:
        agent.close()
    for path in target.key_files:
        if public_blob(path) not in held:
            _KEY_RING.load(path, settings.passphrase)


@dataclass(slots=True)
class Login:
    """One login at one sshd: the ``auth_strategy`` that paramiko's client calls after the key exchange."""

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
            HostUnreachable: with ``setup``: nothing was accepted; says what was tried.
            SSHException: the connection was lost meanwhile.
        """
        agent = Agent(self.target.agent)
        try:
            if not any(self._method(transport, method, agent) for method in self.target.methods):
                raise self.refused()
        finally:
            agent.close()

    def _method(self, transport: paramiko.Transport, method: str, agent: Agent) -> bool:
        user = self.target.user
        if self.allowed and method not in self.allowed:
            return False
        if method == "publickey":
            return any(
                self._attempt(transport, name, partial(transport.auth_publickey, user, key))
                for name, key in self._keys(agent)
            )
        if self.password is None:
            return False
        secret = self.password.reveal()
        if method == "password":
            return self._attempt(
                transport, "the password", lambda: transport.auth_password(user, secret, fallback=False)
            )
        return self._attempt(
            transport,
            "the password at a prompt",
            lambda: transport.auth_interactive(
                user, lambda _title, _text, prompts: [secret for _ in prompts]
            ),
        )

    def _attempt(self, transport: paramiko.Transport, name: str, action: Callable[[], object]) -> bool:
        self.tried.append(name)
        try:
            action()
        except paramiko.BadAuthenticationType as error:
            self.tried.remove(name)
            self.allowed = tuple(error.allowed_types)
        except paramiko.SSHException:
            # Refused, or a key that cannot sign: go on with the next one while there is a connection.
            if not transport.is_active():
                raise
        return transport.is_authenticated()

    def _keys(self, agent: Agent) -> Iterator[tuple[str, paramiko.PKey]]:
        """What to offer, in order, with names for people. Files are opened only when their turn comes."""
        held = {key.asbytes(): key for key in agent.get_keys()}
        used: set[bytes] = set()
        if self.target.keys_given:
            yield from self._file_keys(held, used)
        if not self.target.identities_only:
            for blob, key in held.items():
                if blob not in used:
                    yield f"{key.comment or key.get_name()} (agent)", key
        if not self.target.keys_given:
            yield from self._file_keys(held, used)

    def _file_keys(
        self, held: dict[bytes, paramiko.AgentKey], used: set[bytes]
    ) -> Iterator[tuple[str, paramiko.PKey]]:
        ask = self.settings.passphrase if self.target.ask_passphrase else None
        for path in self.target.key_files:
            held_key = held.get(public_blob(path))
            key = held_key or _KEY_RING.load(path, ask)
            if isinstance(key, str):
                self.left_out.append(f"{path} ({key})")
                continue
            used.add(key.asbytes())
            name = path if held_key is None else f"{path} (agent)"
            for certificate in certified(key, path, self.target.certificate_files):
                yield f"{name} with certificate", certificate
            yield name, key

    def refused(self) -> HostUnreachable:
        """The error that says what was tried and what to do."""
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
