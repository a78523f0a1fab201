"""A user's home folder for tests."""

from __future__ import annotations

from pathlib import Path

import paramiko

from deploytool.transport.ssh import config as ssh_config
from tests.ssh.sshd_double import ed25519_pem


class Home:
    """A home folder of its own: ``~/.ssh`` with an ed25519 key, its known_hosts and config."""

    def __init__(self, path: Path) -> None:
        self.ssh = path / ".ssh"
        self.ssh.mkdir(parents=True, mode=0o700)
        self.key_file = self.ssh / "id_deploy"
        self.key_file.touch(0o600)
        self.key_file.write_text(ed25519_pem())
        self.key = paramiko.Ed25519Key.from_private_key_file(str(self.key_file))
        self.known_hosts = self.ssh / "known_hosts"
        self.known_hosts.touch()
        self.config = self.ssh / "config"

    def configure(self, text: str) -> None:
        self.config.write_text(text)
        ssh_config.forget()
