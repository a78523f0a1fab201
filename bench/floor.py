"""The floor: connect to every host with bare paramiko, run ``docker ps``, close. All in parallel.

    python bench/floor.py INVENTORY [--forks 20] [--timeout 10]

The inventory is read with yaml alone. Prints how many answered; where none did
it fails, or it would look like a fast one.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import paramiko
import yaml


def look(variables: Mapping[str, Any], known: paramiko.HostKeys, timeout_s: float) -> bool:
    client = paramiko.SSHClient()
    entry = f"[{variables['ansible_host']}]:{variables['ansible_port']}"
    # The file is read once: with a line for each host, reading it for each would be most of the work.
    for kind, key in (known.lookup(entry) or {}).items():
        client.get_host_keys().add(entry, kind, key)
    try:
        client.connect(
            variables["ansible_host"],
            variables["ansible_port"],
            variables["ansible_user"],
            key_filename=variables["key"],
            timeout=timeout_s,
            banner_timeout=timeout_s,
            auth_timeout=timeout_s,
            allow_agent=False,
            look_for_keys=False,
        )
        _, stdout, _ = client.exec_command("docker ps --all --quiet")
        stdout.read()
        return int(stdout.channel.recv_exit_status()) == 0
    except (OSError, paramiko.SSHException):
        return False
    finally:
        client.close()


def hosts_of(path: Path) -> dict[str, dict[str, Any]]:
    """Host → its variables, of an inventory with the group web, as the lab and the simulation write it."""
    document = yaml.load(path.read_text(), yaml.CSafeLoader)
    common = document["all"]["vars"]
    here = str(path.parent.resolve())
    arguments = common["ansible_ssh_common_args"].replace("{{ inventory_dir }}", here)
    known_hosts = arguments.split("UserKnownHostsFile=")[1].split()[0]
    key = common["ansible_ssh_private_key_file"].replace("{{ inventory_dir }}", here)
    shared = {**common, "known_hosts": known_hosts, "key": key}
    return {name: {**shared, **own} for name, own in document["web"]["hosts"].items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inventory", type=Path)
    parser.add_argument("--forks", type=int, default=20)
    parser.add_argument("--timeout", type=float, default=10.0)
    options = parser.parse_args()
    hosts = hosts_of(options.inventory)
    with ThreadPoolExecutor(options.forks) as pool:
        known = {one: paramiko.HostKeys(one) for one in {v["known_hosts"] for v in hosts.values()}}
        answers = sum(pool.map(lambda v: look(v, known[v["known_hosts"]], options.timeout), hosts.values()))
    print(f"{answers} of {len(hosts)} hosts answered")
    raise SystemExit(0 if answers else 1)


if __name__ == "__main__":
    main()
