"""Names, ports, labels and files of a lab, and the text of those files. Pure.

Ports on loopback of this machine, for host number n from 1 on:

    2200 + n    the host's sshd
    8080 + n    the host's port 80
    8180 + n    the host's port 8080
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

MAX_HOSTS = 99
"""With more, ports of one kind would overlap those of the next."""

SUDOER_PASSWORD = "sudoer"  # noqa: S105 - of a throw-away host; image/setup.sh sets it
"""The password of the user ``sudoer`` of every host, for login and sudo."""

ZONES = "abc"


@dataclass(frozen=True, slots=True)
class LabHost:
    """One host of a lab; all ports are on 127.0.0.1.

    ``address`` is its name for other hosts of the lab, and for containers on them.
    """

    name: str
    address: str
    ssh_port: int
    http_port: int
    alt_http_port: int
    zone: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Names and ports of one lab, which lives in ``directory``.

    Two labs on one machine need different directories and ports, and different prefixes or namespaces. The
    namespace stands before the names of containers and network only: hosts of two labs may have one name.
    """

    directory: Path = field(default_factory=lambda: Path.cwd() / ".lab")
    prefix: str = "lab"
    first_ssh_port: int = 2201
    first_http_port: int = 8081
    first_alt_http_port: int = 8181
    namespace: str = ""

    @property
    def label(self) -> str:
        """The label of all containers and networks of this lab."""
        return f"deploytool.lab={self.namespace}{self.prefix}"

    @property
    def network(self) -> str:
        return f"deploytool-{self.namespace}{self.prefix}"

    @property
    def key_file(self) -> Path:
        return self.directory / "id_ed25519"

    @property
    def public_key_file(self) -> Path:
        return self.directory / "id_ed25519.pub"

    @property
    def known_hosts_file(self) -> Path:
        return self.directory / "known_hosts"

    @property
    def state_file(self) -> Path:
        return self.directory / "state.json"

    @property
    def inventory_file(self) -> Path:
        return self.directory / "inventory.yaml"

    @property
    def lock_file(self) -> Path:
        return self.directory / "lock"

    def container(self, host_name: str) -> str:
        """The name of a host's container on this machine's engine."""
        return f"{self.namespace}{host_name}"

    def hosts(self, count: int) -> tuple[LabHost, ...]:
        """The hosts with the numbers 1 to ``count``."""
        return tuple(self._host(index) for index in range(count))

    def _host(self, index: int) -> LabHost:
        name = f"{self.prefix}{index + 1}"
        return LabHost(
            name=name,
            # Engines answer short names only for their own containers, and pass longer ones on.
            address=f"{self.container(name)}.{self.network}",
            ssh_port=self.first_ssh_port + index,
            http_port=self.first_http_port + index,
            alt_http_port=self.first_alt_http_port + index,
            zone=ZONES[index % len(ZONES)],
        )


def inventory_text(hosts: Sequence[LabHost], lab_directory: str) -> str:
    """An Ansible inventory of the hosts; ``lab_directory`` may be a template."""
    lines = [
        "all:",
        "  vars:",
        "    ansible_host: 127.0.0.1",
        "    ansible_user: root",
        f'    ansible_ssh_private_key_file: "{lab_directory}/id_ed25519"',
        "    ansible_ssh_common_args: >-",
        f"      -o UserKnownHostsFile={lab_directory}/known_hosts",
        "      -o IdentitiesOnly=yes",
        "",
        "web:",
        "  hosts:",
    ]
    for host in hosts:
        lines += [
            f"    {host.name}:",
            f"      ansible_port: {host.ssh_port}",
            f"      deploytool_address: {host.address}",
            f"      deploytool_labels: {{zone: {host.zone}}}",
        ]
    return "\n".join(lines) + "\n"


def known_hosts_text(host_keys: Mapping[int, str]) -> str:
    """OpenSSH's known_hosts for SSH port → public host key, as ``ssh-keyscan`` would write it."""
    return "".join(f"[127.0.0.1]:{port} {key}\n" for port, key in sorted(host_keys.items()))


def state_text(layout: Layout, hosts: Sequence[LabHost]) -> str:
    """The lab's prefix and hosts as JSON, for programs."""
    return json.dumps({"prefix": layout.prefix, "hosts": [asdict(host) for host in hosts]}, indent=2) + "\n"
