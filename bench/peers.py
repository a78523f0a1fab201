"""The same work on the same hosts: deploytool, the floors, and the tools that people use for it today.

    python bench/peers.py inventories/lab.yaml           all cases, each tool that is here
    python bench/peers.py .lab/inventory.yaml --repeat 5

Three replicas a host are started, looked at again, made five, given another environment variable, and
repaired after one was lost on two hosts. deploytool and Compose replace all at once and wait for health.
Floors: bare paramiko with ``docker ps``, and OpenSSH with ``docker compose up --wait`` (the definition on its
standard input), one process a host, all at once. A tool that is not here is named and left out: pyinfra comes
with ``pip install '.[bench]'``; Ansible needs its package ``ansible`` here and Python on the hosts.

What runs on the hosts under the projects ``bench-ours`` and ``bench-peer`` is removed before and after.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floor import hosts_of
from measure import Cost, best, cost_of

HERE = Path(__file__).parent
Hosts = Mapping[str, Mapping[str, Any]]
CASES = ("first start", "nothing to do", "scale 3 to 5", "variable changed", "lost on two hosts")
FILE = "/srv/bench/compose.yaml"
UP = f"docker compose -p bench-peer -f {FILE} up -d --wait"


@dataclass(frozen=True, slots=True)
class Wanted:
    replicas: int
    version: str

    @property
    def service(self) -> dict[str, Any]:
        check = ["CMD", "/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"]
        times = {"interval": "30s", "timeout": "3s", "start_period": "20s", "start_interval": "1s"}
        return {
            "image": "demo/web:1",
            "init": True,
            "stop_grace_period": "2s",
            "environment": {"VERSION": self.version},
            "healthcheck": {"test": check, **times},
        }

    @property
    def compose(self) -> str:
        service = {**self.service, "deploy": {"replicas": self.replicas}}
        return json.dumps({"services": {"web": service}})

    def playbook(self, hosts: int) -> str:
        update = {"parallelism": 0, "monitor": "0s"}
        deploy = {"replicas": self.replicas * hosts, "update_config": update}
        service = {**self.service, "deploy": deploy}
        play = {"name": "Bench", "project": "bench-ours", "hosts": "web", "services": {"web": service}}
        return json.dumps([play])


Prepare = Callable[[Path, Hosts, Path, Wanted], list[str]]  # folder, hosts, inventory, wanted → the command


def deploytool(folder: Path, hosts: Hosts, inventory: Path, wanted: Wanted) -> list[str]:
    playbook = folder / "ours.yaml"
    playbook.write_text(wanted.playbook(len(hosts)))
    return [sys.executable, "-m", "deploytool", "converge", str(inventory), str(playbook), "--yes"]


def ssh(variables: Mapping[str, Any]) -> list[str]:
    options = ["-o", f"UserKnownHostsFile={variables['known_hosts']}", "-o", "IdentitiesOnly=yes"]
    login = f"{variables['ansible_user']}@{variables['ansible_host']}"
    return ["ssh", "-p", str(variables["ansible_port"]), "-i", variables["key"], *options, login]


def openssh(folder: Path, hosts: Hosts, inventory: Path, wanted: Wanted) -> list[str]:
    definition = folder / "peer.json"
    definition.write_text(wanted.compose)
    remote = f"mkdir -p /srv/bench && cat >{FILE} && {UP}"
    lines = (f"{shlex.join([*ssh(host), remote])} <{definition} &" for host in hosts.values())
    return ["sh", "-c", "\n".join([*lines, "wait"])]


def pyinfra(folder: Path, hosts: Hosts, inventory: Path, wanted: Wanted) -> list[str]:
    (folder / "peer.json").write_text(wanted.compose)
    entries = [
        (
            name,
            {
                "ssh_hostname": host["ansible_host"],
                "ssh_port": host["ansible_port"],
                "ssh_user": host["ansible_user"],
                "ssh_key": host["key"],
                "ssh_known_hosts_file": host["known_hosts"],
            },
        )
        for name, host in hosts.items()
    ]
    (folder / "hosts.py").write_text(f"web = {entries!r}\n")
    (folder / "deploy.py").write_text(
        "from pyinfra.operations import files, server\n"
        f"files.put(src={str(folder / 'peer.json')!r}, dest={FILE!r})\n"
        f"server.shell(commands=[{UP!r}])\n"
    )
    program = str(Path(sys.executable).parent / "pyinfra")
    return [program, str(folder / "hosts.py"), str(folder / "deploy.py"), "-y"]


def ansible(folder: Path, hosts: Hosts, inventory: Path, wanted: Wanted) -> list[str]:
    service = {"project_name": "bench-peer", "definition": json.loads(wanted.compose), "wait": True}
    play = {
        "hosts": "web",
        "gather_facts": False,
        "tasks": [{"community.docker.docker_compose_v2": service}],
    }
    playbook = folder / "ansible.yaml"
    playbook.write_text(json.dumps([play]))
    program = str(Path(sys.executable).parent / "ansible-playbook")
    tuned = ["env", "ANSIBLE_PIPELINING=True", f"ANSIBLE_FORKS={len(hosts)}"]
    return [*tuned, program, "-i", str(inventory), str(playbook)]


def missing_pyinfra(hosts: Hosts) -> str:
    here = (Path(sys.executable).parent / "pyinfra").exists()
    return "" if here else "pyinfra is not installed: pip install '.[bench]'"


def missing_ansible(hosts: Hosts) -> str:
    program = Path(sys.executable).parent / "ansible-doc"
    if (
        not program.exists()
        or subprocess.run([program, "-l", "community.docker"], capture_output=True, check=False).stdout.count(
            b"\n"
        )
        < 2
    ):
        return "its collection community.docker is not here: pip install ansible"
    for name, host in hosts.items():
        if subprocess.run([*ssh(host), "command -v python3"], capture_output=True, check=False).returncode:
            return f"{name} has no Python"
    return ""


def missing_openssh(hosts: Hosts) -> str:
    return "" if shutil.which("ssh") else "there is no ssh"


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    prepare: Prepare
    missing: Callable[[Hosts], str] = lambda hosts: ""


TOOLS = (
    Tool("deploytool", deploytool),
    Tool("ssh, compose up --wait (floor)", openssh, missing_openssh),
    Tool("pyinfra", pyinfra, missing_pyinfra),
    Tool("Ansible, tuned", ansible, missing_ansible),
)


def on_all(hosts: Hosts, command: str) -> None:
    running = [subprocess.Popen([*ssh(host), command], stdout=subprocess.DEVNULL) for host in hosts.values()]
    assert not any(process.wait() for process in running), command


def clean(hosts: Hosts) -> None:
    for project in ("bench-ours", "bench-peer"):
        label = f"label=com.docker.compose.project={project}"
        on_all(hosts, f"docker ps -aq --filter {label} | xargs -r docker rm -f >/dev/null")
    on_all(hosts, "rm -rf /srv/bench /var/lib/deploytool/bench-ours")


def lose_one(hosts: Hosts) -> None:
    two = dict(list(hosts.items())[:2])
    on_all(two, "docker ps -q --filter name=bench- | head -n 1 | xargs -r docker rm -f >/dev/null")


def measured(tool: Tool, folder: Path, hosts: Hosts, inventory: Path, repeat: int) -> dict[str, Cost]:
    """Case → what it cost."""

    def cost(wanted: Wanted) -> Cost:
        found = cost_of(tool.prepare(folder, hosts, inventory, wanted))
        assert found.exit_code == 0, f"{tool.name} ended with {found.exit_code}"
        return found

    clean(hosts)
    first = cost(Wanted(3, "1"))
    (idle,) = best([tool.prepare(folder, hosts, inventory, Wanted(3, "1"))], repeat)
    more = cost(Wanted(5, "1"))
    changed = cost(Wanted(5, "2"))
    lose_one(hosts)
    figures = (first, idle, more, changed, cost(Wanted(5, "2")))
    clean(hosts)
    return dict(zip(CASES, figures, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inventory", type=Path)
    parser.add_argument("--repeat", type=int, default=3, help="how often with nothing to do; the best counts")
    options = parser.parse_args()
    hosts = hosts_of(options.inventory)
    bare = [sys.executable, str(HERE / "floor.py"), str(options.inventory), "--forks", str(len(hosts))]
    table: dict[str, dict[str, Cost]] = {
        "paramiko, docker ps (floor)": {"nothing to do": best([bare], options.repeat)[0]}
    }
    print(f"{len(hosts)} hosts; wall seconds, and in brackets processor seconds of the controller\n")
    with tempfile.TemporaryDirectory() as folder:
        for tool in TOOLS:
            why = tool.missing(hosts)
            if why:
                print(f"left out: {tool.name}: {why}")
            else:
                table[tool.name] = measured(tool, Path(folder), hosts, options.inventory, options.repeat)
    show(table)


def show(table: Mapping[str, Mapping[str, Cost]]) -> None:
    print(f"\n{'':32}" + "".join(f"{case:>19}" for case in CASES))
    for name, figures in table.items():
        cells = (figures.get(case) for case in CASES)
        print(f"{name:32}" + "".join(f"{f'{c.wall_s:.2f} ({c.cpu_s:.2f})' if c else '':>19}" for c in cells))
    ours = table["deploytool"]
    print("\ndeploytool, as a ratio of wall time to")
    for name, figures in table.items():
        if name != "deploytool":
            ratios = (ours[case].wall_s / figures[case].wall_s if case in figures else None for case in CASES)
            print(f"{name:32}" + "".join(f"{f'{ratio:.2f}' if ratio else '':>19}" for ratio in ratios))


if __name__ == "__main__":
    main()
