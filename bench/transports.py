"""Other ways to reach every host of an inventory than paramiko's threads: asyncssh, and OpenSSH processes.

    python bench/transports.py asyncssh INVENTORY [--forks 64]

Connects to all hosts, runs ``docker ps`` and closes, as the floor does. It answers one question: whether
another library behind the same ``Transport`` would be so much faster that it should take paramiko's place.
``scale.py --ways`` measures them beside the floor.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from floor import hosts_of

COMMAND = "docker ps --all --quiet"


async def by_asyncssh(inventory: Path, forks: int) -> int:
    import asyncssh

    gate = asyncio.Semaphore(forks)

    async def look(host: dict[str, str]) -> bool:
        async with (
            gate,
            asyncssh.connect(
                host["ansible_host"],
                int(host["ansible_port"]),
                username=host["ansible_user"],
                client_keys=[host["key"]],
                known_hosts=host["known_hosts"],
                config=None,
            ) as connection,
        ):
            return (await connection.run(COMMAND, stdin=asyncssh.DEVNULL)).exit_status == 0

    return sum(await asyncio.gather(*(look(host) for host in hosts_of(inventory).values())))


async def by_openssh(inventory: Path, forks: int) -> int:
    gate = asyncio.Semaphore(forks)

    async def look(host: dict[str, str]) -> bool:
        options = ["-F", "none", "-o", f"UserKnownHostsFile={host['known_hosts']}", "-o", "BatchMode=yes"]
        login = f"{host['ansible_user']}@{host['ansible_host']}"
        words = ["-p", str(host["ansible_port"]), "-i", host["key"], *options, login, COMMAND]
        async with gate:
            process = await asyncio.create_subprocess_exec("ssh", *words, stdout=asyncio.subprocess.DEVNULL)
            return await process.wait() == 0

    return sum(await asyncio.gather(*(look(host) for host in hosts_of(inventory).values())))


WAYS = {"asyncssh": by_asyncssh, "OpenSSH": by_openssh}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("way", choices=sorted(WAYS))
    parser.add_argument("inventory", type=Path)
    parser.add_argument("--forks", type=int, default=64)
    options = parser.parse_args()
    answered = asyncio.run(WAYS[options.way](options.inventory, options.forks))
    sys.exit(answered < len(hosts_of(options.inventory)))


if __name__ == "__main__":
    main()
