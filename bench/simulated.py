"""Simulated hosts: one SSH server process with a port for each, and a stand-in that keeps each host's state.

    python bench/simulated.py FOLDER --hosts 100 [--latency-ms 50] [--dead 5]

The SSH is real (asyncssh: key exchange, host keys, public keys, channels); what the scripts and Docker of a
host would do is done in memory (see ``standin.py``). ``--latency-ms`` is a round trip, added by a proxy that
holds back each chunk for half of it. ``--dead`` hosts take connections and never say a word.

Writes FOLDER/hosts.yaml (an inventory), keys and known_hosts, prints one line when all listen, and ends when
its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shlex
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncssh
from standin import StandIn

from deploytool.backend.memory.host import MemoryHost
from deploytool.model.observed import Facts

FIRST_PORT = 20_000
BEHIND = 10_000  # a host behind the proxy listens on a port that is higher by this
FACTS = Facts(cpus=8, memory_bytes=32 << 30)


def answering(host: StandIn) -> Callable[[asyncssh.SSHServerProcess[bytes]], Awaitable[None]]:
    async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
        stdin = await process.stdin.read()
        result = host.run(words(process.command or ""), stdin)
        process.stdout.write(result.stdout)
        process.stderr.write(result.stderr)
        process.exit(result.exit_code)

    return answer


def words(command: str) -> list[str]:
    """The words of a command; its script is left out, since only the arguments are looked at."""
    head, found, arguments = command.rpartition("\n' deploytool ")
    return ["sh", "-c", "", "deploytool", *shlex.split(arguments)] if found else shlex.split(head or command)


async def serve(folder: Path, hosts: int, latency_s: float, dead: int) -> None:
    host_key, client_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    client_key.write_private_key(folder / "id_ed25519")
    (folder / "id_ed25519").chmod(0o600)
    public = host_key.export_public_key().decode().strip()
    authorized = asyncssh.import_authorized_keys(client_key.export_public_key().decode())
    ports = [FIRST_PORT + number for number in range(hosts)]
    (folder / "known_hosts").write_text("".join(f"[127.0.0.1]:{port} {public}\n" for port in ports))
    (folder / "hosts.yaml").write_text(inventory(folder, ports))
    for number, port in enumerate(ports):
        if number < dead:
            await asyncio.start_server(silent, "127.0.0.1", port)
            continue
        host = StandIn(MemoryHost(f"s{number:04}", facts=FACTS))
        behind = port + BEHIND if latency_s else port
        await asyncssh.listen(
            "127.0.0.1",
            behind,
            server_host_keys=[host_key],
            authorized_client_keys=authorized,
            process_factory=answering(host),
            encoding=None,
            backlog=256,
        )
        if latency_s:
            await asyncio.start_server(delayed(behind, latency_s / 2), "127.0.0.1", port)
    print(f"{hosts} simulated hosts listen", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def inventory(folder: Path, ports: list[int]) -> str:
    lines = [
        "all:",
        "  vars:",
        "    ansible_host: 127.0.0.1",
        "    ansible_user: root",
        f"    ansible_ssh_private_key_file: {folder}/id_ed25519",
        f"    ansible_ssh_common_args: -o UserKnownHostsFile={folder}/known_hosts -o IdentitiesOnly=yes",
        "web:",
        "  hosts:",
    ]
    return (
        "\n".join([*lines, *(f"    s{n:04}: {{ansible_port: {port}}}" for n, port in enumerate(ports))])
        + "\n"
    )


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def delayed(
    port: int, delay_s: float
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """A proxy to ``port`` through which each chunk takes ``delay_s`` longer."""

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * delay_s)  # the handshake of TCP
        there, back = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(asyncio.CancelledError):  # the measurement is over
            await asyncio.gather(carry(reader, back, delay_s), carry(there, writer, delay_s))

    return proxy


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    while data := await reader.read(65_536):
        loop.call_later(delay_s, writer.write, data)
    loop.call_later(delay_s, writer.close)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="of a round trip")
    parser.add_argument("--dead", type=int, default=0, help="how many of them never answer")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(options.folder.resolve(), options.hosts, options.latency_ms / 1000, options.dead))


if __name__ == "__main__":
    main()
