"""Many simulated hosts from one controller, against the floor on the same hosts.

    python bench/scale.py                                  100 hosts: first start, then nothing to do
    python bench/scale.py --hosts 1000
    python bench/scale.py --latency-ms 200                 of a round trip, added to every chunk
    python bench/scale.py --dead 5                         hosts that take connections and say nothing
    python bench/scale.py --ways                           beside asyncssh and OpenSSH (see transports.py)

The hosts are *simulated*: SSH is real, Docker is not (see ``simulated.py``). Every figure is of a process of
its own: wall seconds, processor seconds, the most memory. The floor is ``floor.py``; the ratio is to it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Cost, best, show
from transports import WAYS

HERE = Path(__file__).parent
REPLICAS_PER_HOST = 3
FLOOR = "floor: paramiko, docker ps"
PLAY = """\
- name: Shop
  hosts: web
  services:
    web:
      image: demo/web:1
      deploy: {replicas: "{{ count | int }}", update_config: {monitor: 0s, parallelism: 0}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--dead", type=int, default=0)
    parser.add_argument("--forks", type=int, default=64)
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds to connect")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--ways", action="store_true", help="the floor by other SSH libraries, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), options)


def run(folder: Path, options: argparse.Namespace) -> None:
    playbook = folder / "site.yaml"
    playbook.write_text(PLAY)
    serve = [sys.executable, str(HERE / "simulated.py"), str(folder)]
    serve += ["--hosts", str(options.hosts), "--latency-ms", str(options.latency_ms)]
    server = subprocess.Popen(
        [*serve, "--dead", str(options.dead)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin and server.stdout
    try:
        if not server.stdout.readline():
            raise SystemExit("the simulated hosts did not start: are their ports, from 20000 on, free?")
        figures = measured(folder / "hosts.yaml", playbook, options)
    finally:
        server.stdin.close()
        server.wait()
    latency = f"{options.latency_ms:g} ms a round trip"
    show(
        f"{options.hosts} simulated hosts, {options.dead} of them dead, {latency}",
        figures,
        FLOOR,
    )


def measured(inventory: Path, playbook: Path, options: argparse.Namespace) -> dict[str, Cost]:
    count = REPLICAS_PER_HOST * (options.hosts - options.dead)
    converge = [
        "-m",
        "deploytool",
        "converge",
        str(inventory),
        str(playbook),
        "--yes",
        "-e",
        f"count={count}",
    ]
    converge += [
        "--forks",
        str(options.forks),
        "--connect-timeout",
        f"{options.timeout:g}s",
        "--allow-partial",
    ]
    floor = [str(HERE / "floor.py"), str(inventory), "--forks", str(options.forks)]
    expected = 4 if options.dead else 0
    first = best([[sys.executable, *converge]], 1, expected)[0]
    commands = {
        FLOOR: [sys.executable, *floor, "--timeout", f"{options.timeout:g}"],
        "nothing to do": [sys.executable, *converge],
    }
    for way in WAYS if options.ways else ():
        other = [str(HERE / "transports.py"), way, str(inventory), "--forks", str(options.forks)]
        commands[f"{way}, docker ps"] = [sys.executable, *other]
    figures = dict(zip(commands, best(list(commands.values()), options.repeat, None), strict=True))
    assert figures["nothing to do"].exit_code == expected, f"exit code {figures['nothing to do'].exit_code}"
    return {**figures, "first start": first}


if __name__ == "__main__":
    main()
