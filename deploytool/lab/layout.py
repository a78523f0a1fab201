"""What a lab is called and where it is reached: names, ports, labels, and the files that say so. Pure.

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
"""More would let the ports of one kind run into the next kind's."""

SUDOER_PASSWORD = "sudoer"  # noqa: S105 - of a throw-away host; image/setup.sh sets it
"""For login and sudo of the user ``sudoer`` of every host."""

ZONES = "abc"


@dataclass(frozen=True, slots=True)
class LabHost:
    """One host of a lab. The container has the host's name; all ports are on 127.0.0.1.

    ``address`` is how hosts of the lab, and the containers on them, reach it.
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

    Two labs on one machine need different prefixes, ports and directories.
    """

    directory: Path = field(default_factory=lambda: Path.cwd() / ".lab")
    prefix: str = "lab"
    first_ssh_port: int = 2201
    first_http_port: int = 8081
    first_alt_http_port: int = 8181

    @property
    def label(self) -> str:
        """On every container and network of this lab, and on nothing else."""
        return f"deploytool.lab={self.prefix}"

    @property
    def network(self) -> str:
        return f"deploytool-{self.prefix}"

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

    def hosts(self, count: int) -> tuple[LabHost, ...]:
        """The first ``count`` hosts."""
        return tuple(self._host(index) for index in range(count))

    def _host(self, index: int) -> LabHost:
        name = f"{self.prefix}{index + 1}"
        return LabHost(
            name=name,
            # Engines answer short names only for their own containers, and pass longer ones on.
            address=f"{name}.{self.network}",
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
    """What ``lab up`` made, for programs: JSON."""
    return json.dumps({"prefix": layout.prefix, "hosts": [asdict(host) for host in hosts]}, indent=2) + "\n"
