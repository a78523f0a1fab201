"""The same work on the same hosts: deploytool, the floors, and the tools that people use for it today.

    python bench/peers.py inventories/lab.yaml                      all cases, each tool that is here
    python bench/peers.py inventories/lab.yaml --tools deploytool,ssh --rounds 5
    python bench/peers.py .lab/inventory.yaml --python               Ansible too: installs Python on the hosts

Three replicas a host are started, looked at again, made five, given another environment variable, and
repaired after one was lost on two hosts (where there are two). Every round gives all of it to each tool in
turn; the table has the median of the rounds, ratios the median of the rounds' own ratios, since both sides of
one met the same moment. The floor is OpenSSH with ``docker compose up --wait`` (the definition on its
standard input), one process a host, all at once. That of a run with nothing to do is in ``idle.py``.

The hosts have to be the lab's: their processor time is read from this machine's engine, connections and
commands are counted by their sshd. What runs on them under the projects ``bench-ours`` and ``bench-peer``,
and what deploytool knows of the hosts, is removed before and after. ``--out`` keeps all figures as JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from floor import hosts_of
from hosts import Hosts, Load, load_of, on_all, watched
from measure import Cost, cost_of
from tools import CASES, TOOLS, Job, Tool, Wanted

WANTED = dict(
    zip(CASES, (Wanted(3, "1"), Wanted(3, "1"), Wanted(5, "1"), *[Wanted(5, "2")] * 2), strict=True)
)


@dataclass(frozen=True, slots=True)
class Figure:
    """Cost of one case with one tool, on this machine and on the hosts."""

    cost: Cost
    load: Load


Table = dict[str, dict[str, list[Figure]]]  # tool → case → rounds
Cell = Callable[[Sequence[Figure]], str]


def clean(hosts: Hosts) -> None:
    """No trace of an earlier round, nor of what deploytool keeps of a host."""
    labels = ("com.docker.compose.project=bench-ours", "com.docker.compose.project=bench-peer")
    remove = "; ".join(
        f"docker ps -aq --filter label={label} | xargs -r docker rm -f >/dev/null" for label in labels
    )
    stack = "docker stack rm bench-peer 2>/dev/null || true"
    networks = "docker network rm bench-ours_default bench-peer_default >/dev/null 2>&1 || true"
    files = "rm -rf /srv/bench /var/lib/deploytool/bench-ours /var/lib/deploytool/.facts"
    on_all(hosts, f"{stack}; {remove}; {networks}; {files}")


def lose_one(hosts: Hosts) -> None:
    two = dict(list(hosts.items())[:2])
    on_all(two, "docker ps -q --filter name=bench- | head -n 1 | xargs -r docker rm -f >/dev/null")


def one_round(
    tool: Tool, folder: Path, hosts: Hosts, inventory: Path, cases: Sequence[str]
) -> Iterator[tuple[str, Figure]]:
    """Case after case; the hosts are clean before."""
    for case in cases:
        if tool.only and case not in tool.only:
            continue
        if case == CASES[-1]:
            lose_one(hosts)
        command = tool.command(Job(folder, hosts, inventory, WANTED[case]))
        before = load_of(hosts)
        cost = cost_of(command)
        if cost.exit_code:
            print(f"{tool.name} failed at '{case}' with exit code {cost.exit_code}")
            return
        yield case, Figure(cost, load_of(hosts).since(before))


def measure(
    tools: Sequence[Tool], hosts: Hosts, inventory: Path, rounds: int, cases: Sequence[str]
) -> Iterator[Table]:
    """The table after each turn of a tool, so that what fails later costs nothing that was measured."""
    table: Table = {}
    with tempfile.TemporaryDirectory() as folder, watched(hosts):
        for _ in range(rounds):
            for tool in tools:
                why = tool.missing(hosts)
                print(
                    f"{time.strftime('%H:%M:%S')} {tool.name}" + (f": left out: {why}" if why else ""),
                    flush=True,
                )
                if why:
                    continue
                own = Path(folder) / tool.key
                own.mkdir(exist_ok=True)
                clean(hosts)
                for case, figure in one_round(tool, own, hosts, inventory, cases):
                    table.setdefault(tool.name, {}).setdefault(case, []).append(figure)
                yield table
                clean(hosts)
                on_all(hosts, tool.afterwards)


def install_python(hosts: Hosts) -> None:
    """Ansible needs it; the lab's hosts come without, as deploytool needs none."""
    install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-yaml"
    on_all(hosts, f"[ -e /usr/lib/python3/dist-packages/yaml ] || {{ {install}; }} >/dev/null 2>&1 || true")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inventory", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=len(CASES), help="only the first so many")
    parser.add_argument(
        "--tools", default="", help="keys of tools.py, with commas; all that are here without"
    )
    parser.add_argument("--python", action="store_true", help="install Python on the hosts, for Ansible")
    parser.add_argument("--out", type=Path, help="a JSON file for all figures")
    options = parser.parse_args()
    hosts = hosts_of(options.inventory)
    if options.python:
        install_python(hosts)
    chosen = [tool for tool in TOOLS if not options.tools or tool.key in options.tools.split(",")]
    table: Table = {}
    try:
        for table in measure(chosen, hosts, options.inventory, options.rounds, CASES[: options.cases]):
            if options.out:
                keep(options.out, table, len(hosts), options.rounds)
    finally:
        print(f"{len(hosts)} hosts, medians of {options.rounds} rounds")
        show(table)


def keep(path: Path, table: Table, hosts: int, rounds: int) -> None:
    """All figures as JSON."""
    rows = {
        name: {case: [asdict(f) for f in figures] for case, figures in row.items()}
        for name, row in table.items()
    }
    path.write_text(json.dumps({"hosts": hosts, "rounds": rounds, "figures": rows}))


def show(table: Table) -> None:
    """Tables as they stand in docs/performance.md."""
    _rows("wall seconds", table, lambda figures: f"{median(f.cost.wall_s for f in figures):.2f}")
    ours = table.get("deploytool")
    if ours:
        print("\n| deploytool's wall time to that of | " + " | ".join(CASES) + " |")
        print("| --- " * (len(CASES) + 1) + "|")
        for name, row in table.items():
            if name != "deploytool":
                print(f"| {name} | " + " | ".join(_ratio(ours, row, case) for case in CASES) + " |")
    _rows(
        "processor seconds of the hosts",
        table,
        lambda figures: f"{median(f.load.cpu_s for f in figures):.2f}",
    )
    _rows("processor seconds, MB of the controller", table, _controller)
    _rows("connections, commands of the busiest host", table, _traffic)


def _rows(title: str, table: Table, cell: Cell) -> None:
    print(f"\n| {title} | " + " | ".join(CASES) + " |")
    print("| --- " * (len(CASES) + 1) + "|")
    for name, row in table.items():
        print(f"| {name} | " + " | ".join(cell(row[case]) if case in row else "" for case in CASES) + " |")


def _controller(figures: Sequence[Figure]) -> str:
    cpu_s, most = median(f.cost.cpu_s for f in figures), max(f.cost.memory_bytes for f in figures)
    return f"{cpu_s:.2f}, {most / 1e6:.0f}"


def _traffic(figures: Sequence[Figure]) -> str:
    load = figures[-1].load
    return f"{load.connections}, {load.commands}"


def _ratio(ours: Mapping[str, list[Figure]], row: Mapping[str, list[Figure]], case: str) -> str:
    pairs = zip(ours.get(case, ()), row.get(case, ()), strict=False)
    ratios = [mine.cost.wall_s / other.cost.wall_s for mine, other in pairs]
    return f"{median(ratios):.2f}" if ratios else ""


if __name__ == "__main__":
    main()
