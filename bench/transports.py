"""Other ways to reach every host of an inventory than paramiko's threads: asyncssh, libssh2, OpenSSH.

    python bench/transports.py asyncssh INVENTORY [--forks 64]

Connects to all hosts, runs ``docker ps`` and closes, as the floor does. It answers one question: whether
another library behind the same ``Transport`` would be so much faster that it should take paramiko's place.
``scale.py --ways`` measures them beside the floor. ``libssh2`` needs the package ssh2-python, which has no
builds for every Python. ``OpenSSH-kept`` finds the connections of the run before (ControlPersist), for a
minute; whoever runs it first makes them.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from floor import hosts_of

COMMAND = "docker ps --all --quiet"


async def by_asyncssh(inventory: Path, forks: int) -> int:
    import asyncssh

    gate = asyncio.Semaphore(forks)
    hosts = hosts_of(inventory)
    # As for the floor: each file is read once, not for every host.
    known = {name: asyncssh.read_known_hosts(name) for name in {h["known_hosts"] for h in hosts.values()}}
    keys = {name: asyncssh.read_private_key(name) for name in {h["key"] for h in hosts.values()}}

    async def look(host: dict[str, str]) -> bool:
        async with (
            gate,
            asyncssh.connect(
                host["ansible_host"],
                int(host["ansible_port"]),
                username=host["ansible_user"],
                client_keys=[keys[host["key"]]],
                known_hosts=known[host["known_hosts"]],
                config=None,
            ) as connection,
        ):
            return (await connection.run(COMMAND, stdin=asyncssh.DEVNULL)).exit_status == 0

    return sum(await asyncio.gather(*(look(host) for host in hosts.values())))


async def by_libssh2(inventory: Path, forks: int) -> int:
    """In threads: libssh2 lets go of Python's lock while it works."""
    from ssh2.knownhost import LIBSSH2_KNOWNHOST_KEY_ED25519 as ED25519
    from ssh2.knownhost import LIBSSH2_KNOWNHOST_KEYENC_RAW as RAW
    from ssh2.knownhost import LIBSSH2_KNOWNHOST_TYPE_PLAIN as PLAIN
    from ssh2.session import Session

    hosts = hosts_of(inventory)
    lines = {name: Path(name).read_text().splitlines() for name in {h["known_hosts"] for h in hosts.values()}}
    about = {name: {line.split()[0]: line for line in found} for name, found in lines.items()}

    def look(host: dict[str, str]) -> bool:
        address, port = host["ansible_host"], int(host["ansible_port"])
        with socket.create_connection((address, port)) as sock:
            session = Session()
            session.handshake(sock)
            known = session.knownhost_init()
            known.readline(about[host["known_hosts"]][f"[{address}]:{port}"].encode())
            key, _ = session.hostkey()
            known.checkp(address.encode(), port, key, PLAIN | RAW | ED25519)  # raises where it is another
            session.userauth_publickey_fromfile(host["ansible_user"], host["key"])
            channel = session.open_session()
            channel.execute(COMMAND)
            channel.send_eof()
            while channel.read()[0] > 0:
                pass
            channel.close()
            return channel.get_exit_status() == 0

    with ThreadPoolExecutor(forks) as pool:
        return sum(pool.map(look, hosts.values()))


async def by_openssh(inventory: Path, forks: int, more: Sequence[str] = ()) -> int:
    gate = asyncio.Semaphore(forks)

    async def look(host: dict[str, str]) -> bool:
        options = ["-F", "none", "-o", f"UserKnownHostsFile={host['known_hosts']}", "-o", "BatchMode=yes"]
        login = f"{host['ansible_user']}@{host['ansible_host']}"
        words = ["-p", str(host["ansible_port"]), "-i", host["key"], *options, *more, login, COMMAND]
        async with gate:
            process = await asyncio.create_subprocess_exec("ssh", *words, stdout=asyncio.subprocess.DEVNULL)
            return await process.wait() == 0

    return sum(await asyncio.gather(*(look(host) for host in hosts_of(inventory).values())))


async def by_kept_openssh(inventory: Path, forks: int) -> int:
    kept = {"ControlMaster": "auto", "ControlPersist": "60", "ControlPath": "/tmp/bench-%C"}  # noqa: S108
    words = [word for name, value in kept.items() for word in ("-o", f"{name}={value}")]
    return await by_openssh(inventory, forks, words)


WAYS = {"asyncssh": by_asyncssh, "OpenSSH": by_openssh, "OpenSSH-kept": by_kept_openssh}
if importlib.util.find_spec("ssh2"):
    WAYS["libssh2"] = by_libssh2


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
