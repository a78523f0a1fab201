"""Nothing to do on the lab's hosts, against the floor on the same hosts in the same state.

    python bench/idle.py .lab/inventory.yaml
    python bench/idle.py .lab/inventory.yaml --rounds 15

Three replicas a host are started; then deploytool, which has nothing to do, and the floor (``floor.py``:
bare paramiko, ``docker ps``, close) take turns. Everything is removed afterwards. The ratio is the median of
the rounds' own ratios, since both sides of one met the same moment.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

from floor import hosts_of
from hosts import Hosts, load_of, watched
from measure import Cost, cost_of
from peers import clean
from tools import CASES, HERE, Job, Wanted, deploytool

FREE_S = 0.5  # of start-up, which the budget leaves out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inventory", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    hosts = hosts_of(options.inventory)
    with tempfile.TemporaryDirectory() as folder, watched(hosts):
        clean(hosts)
        try:
            measure(hosts, options.inventory, Path(folder), options.rounds)
        finally:
            clean(hosts)


def measure(hosts: Hosts, inventory: Path, folder: Path, rounds: int) -> None:
    ours = deploytool(Job(folder, hosts, inventory, Wanted(3, "1")))
    floor = [sys.executable, str(HERE / "floor.py"), str(inventory), "--forks", str(len(hosts))]
    for _ in range(2):  # the first starts the replicas, the second finds all as those to come do
        assert cost_of(ours).exit_code == 0, CASES[0]
    rows: dict[str, list[Cost]] = {"deploytool": [], "floor": []}
    loads = []
    for _ in range(rounds):
        for name, command in (("floor", floor), ("deploytool", ours)):
            before = load_of(hosts)
            rows[name].append(cost_of(command))
            loads.append((name, load_of(hosts).since(before).cpu_s / len(hosts)))
            assert rows[name][-1].exit_code == 0, name
    pairs = list(zip(rows["deploytool"], rows["floor"], strict=True))
    strict = median(mine.wall_s / other.wall_s for mine, other in pairs)
    lenient = median((mine.wall_s - FREE_S) / other.wall_s for mine, other in pairs)
    print(f"{len(hosts)} hosts, {rounds} rounds, medians\n")
    print("| | wall s | processor s | of each host, ms | MB |\n| --- | --- | --- | --- | --- |")
    for name, costs in rows.items():
        wall_s, cpu_s = median(c.wall_s for c in costs), median(c.cpu_s for c in costs)
        host_ms = 1000 * median(used for of, used in loads if of == name)
        memory = max(c.memory_bytes for c in costs) / 1e6
        print(f"| {name} | {wall_s:.2f} | {cpu_s:.2f} | {host_ms:.0f} | {memory:.0f} |")
    print(f"\nratio {strict:.2f}; without the first {FREE_S} s {lenient:.2f}")


if __name__ == "__main__":
    main()
