"""Repair times of a watcher, its cost when nothing happens, and the state of the hosts after chaos.

usage: python -m bench.watch PROOF… [--seconds N] [--seed N] [--repairs N]
with PROOF one of: kill, host, split, chaos, idle, leak. Needs `deploytool lab up -n 5` (idle: -n 8).
Prints one line of JSON for each proof; the machine's load is part of it. docs/watch.md has the results.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.watchlab import ROOT, Chaos, Hosts, Watch, hosts_of, usage, wait_for, watching, write_playbook

REPLICAS = 20
INVENTORY = ROOT / ".lab" / "inventory.yaml"


def whole(hosts: Hosts) -> bool:
    """Exactly as many replicas run as are wanted, on hosts that answer."""
    return hosts.total() == REPLICAS


def settled(hosts: Hosts, watch: Watch) -> None:
    wait_for("all replicas run", lambda: whole(hosts), 180, 0.5)
    wait_for("nothing is left to do", lambda: watch.metric("project_converged") == 1, 60, 0.5)


def proof_kill(hosts: Hosts, watch: Watch, args: argparse.Namespace) -> dict[str, object]:
    """Seconds from `docker kill` to a running container again, seen on its host; 20 times."""
    dice, seconds = random.Random(args.seed), []
    for _ in range(20):
        host = dice.choice(list(hosts.names))
        container = dice.choice(hosts.replicas(host))
        before = len(hosts.replicas(host))
        hosts.kill_containers(host, container)
        seconds.append(hosts.wait_for_count([host], before, 60))
        settled(hosts, watch)
    return {"median_s": round(statistics.median(seconds), 2), "all_s": [round(s, 2) for s in seconds]}


def proof_host(hosts: Hosts, watch: Watch, args: argparse.Namespace) -> dict[str, object]:
    """A host is switched off: seconds until all replicas run elsewhere, and until none is double again."""
    found = []
    for host in list(hosts.names)[: args.rounds]:
        others = [name for name in hosts.names if name != host]
        hosts.kill(host)
        elsewhere_s = hosts.wait_for_count(others, REPLICAS, 60)
        hosts.start(host)
        back_s = wait_for("it answers again", lambda: watch.metric("host_reachable") == len(hosts.names), 90)
        single_s = wait_for("no doubles", lambda: whole(hosts), 60, 0.05)
        settled(hosts, watch)
        found.append(
            {"elsewhere_s": round(elsewhere_s, 2), "back_s": round(back_s, 2), "single_s": round(single_s, 2)}
        )
    return {"elsewhere_back_single_s": found}


def proof_split(hosts: Hosts, watch: Watch, args: argparse.Namespace) -> dict[str, object]:
    """Two of five hosts are cut off for half a minute; healed, nothing stays double."""
    lost = list(hosts.names)[:2]
    others = [name for name in hosts.names if name not in lost]
    for host in lost:
        hosts.cut(host)
    elsewhere_s = wait_for("elsewhere", lambda: hosts.total(others) == REPLICAS, 90, 0.1)
    time.sleep(15)
    for host in lost:
        hosts.mend(host)
    back_s = wait_for("they answer again", lambda: watch.metric("host_reachable") == len(hosts.names), 90)
    single_s = wait_for("no doubles", lambda: whole(hosts), 60, 0.05)
    settled(hosts, watch)
    return {"elsewhere_s": round(elsewhere_s, 2), "back_s": round(back_s, 2), "single_s": round(single_s, 2)}


def proof_chaos(hosts: Hosts, watch: Watch, args: argparse.Namespace) -> dict[str, object]:
    """Random faults, then the seconds until all is as it should be."""

    def say(text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    chaos = Chaos(hosts, watch, args.seed, say)
    chaos.run(args.seconds)
    healed_s = wait_for("expected state", lambda: whole(hosts), 60, 0.2)
    settled(hosts, watch)
    stopped = sum(len(hosts.replicas(h, ("exited", "created", "dead"))) for h in hosts.names)
    return {
        "healed_s": round(healed_s, 2),
        "faults": chaos.done,
        "left_over": stopped,
        "starts": watch.starts,
    }


def proof_idle(hosts: Hosts, watch: Watch, args: argparse.Namespace) -> dict[str, object]:
    """CPU and memory while nothing happens."""
    time.sleep(20)
    before, begun = usage(watch.process.pid), time.monotonic()
    time.sleep(args.seconds)
    after, seconds = usage(watch.process.pid), time.monotonic() - begun
    percent = 100 * (after["cpu_s"] - before["cpu_s"]) / seconds
    return {"hosts": len(hosts.names), "cpu_percent": round(percent, 2), **after}


def proof_leak(hosts: Hosts, watch: Watch, args: argparse.Namespace) -> dict[str, object]:
    """Many repairs, two a host side by side; files, threads and memory after each tenth of them."""
    dice, shown = random.Random(args.seed), []
    done = 0
    while done < args.repairs:
        victims = {host: dice.sample(sorted(hosts.replicas(host)), 2) for host in hosts.names}
        with ThreadPoolExecutor(len(victims)) as pool:
            list(pool.map(lambda item: hosts.kill_containers(item[0], *item[1]), victims.items()))
        done += sum(map(len, victims.values()))
        wait_for("all replicas run", lambda: whole(hosts), 60, 0.2)
        if done >= args.repairs * (len(shown) + 1) / 10:
            settled(hosts, watch)
            time.sleep(10)
            shown.append({"repairs": done, **usage(watch.process.pid)})
    return {"usage": shown}


PROOFS: dict[str, tuple[Callable[[Hosts, Watch, argparse.Namespace], dict[str, object]], list[str]]] = {
    "kill": (proof_kill, []),
    "host": (proof_host, ["--reschedule-after", "5s"]),
    "split": (proof_split, ["--reschedule-after", "5s"]),
    "chaos": (proof_chaos, ["--reschedule-after", "5s"]),
    "idle": (proof_idle, []),
    "leak": (proof_leak, ["--restart-budget", "100000"]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("proofs", nargs="+", choices=PROOFS)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repairs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--log", action="store_true", help="print what the watcher said")
    parser.add_argument("--inventory", type=Path, default=INVENTORY)
    args = parser.parse_args()
    hosts = Hosts(hosts_of(args.inventory))
    for name in args.proofs:
        proof, options = PROOFS[name]
        with tempfile.TemporaryDirectory() as folder:
            write_playbook(Path(folder), REPLICAS)
            watch = Watch(args.inventory, Path(folder), ["--force-own", *options])
            with watching(watch):
                settled(hosts, watch)
                before = os.getloadavg()
                try:
                    result = proof(hosts, watch, args)
                except AssertionError:
                    print(watch.log.read_text(), file=sys.stderr)
                    raise
                stop_s = round(watch.stop(), 2)
                if args.log:
                    print(watch.log.read_text(), file=sys.stderr)
        loads = [round(load, 1) for load in (before[0], os.getloadavg()[0])]
        print(json.dumps({"proof": name, **result, "stop_s": stop_s, "load": loads, "cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
