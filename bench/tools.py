"""The tools that are given the same work: how each is told of it, and why one cannot be had here.

``deploytool`` has its own project, all others share ``bench-peer``. None does more than it is asked to:
what has changed is replaced all at once, and each waits until the replicas are healthy, except where a tool
cannot (said at its name). A tool that is missing says so and is left out.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hosts import Hosts, ssh

CASES = ("first start", "nothing to do", "scale 3 to 5", "variable changed", "lost on two hosts")
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
PYINFRA = BIN.parent / "pyinfra" / "bin" / "pyinfra"  # it needs an older paramiko than we do
FILE = "/srv/bench/compose.yaml"
UP = f"docker compose -p bench-peer -f {FILE} up -d --wait"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The services that every host is to run."""

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

    def stack(self, hosts: int) -> str:
        deploy = {
            "replicas": self.replicas * hosts,
            "placement": {"max_replicas_per_node": self.replicas},
            "update_config": {"parallelism": 0, "monitor": "1s"},
        }
        return json.dumps({"version": "3.12", "services": {"web": {**self.service, "deploy": deploy}}})


@dataclass(frozen=True, slots=True)
class Job:
    """One case for one tool; ``folder`` is the tool's own."""

    folder: Path
    hosts: Hosts
    inventory: Path
    wanted: Wanted

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path


def deploytool(job: Job) -> list[str]:
    playbook = job.write("ours.yaml", job.wanted.playbook(len(job.hosts)))
    command = [str(BIN / "deploytool"), "converge", str(job.inventory), str(playbook), "--yes"]
    return [*command, "--forks", str(len(job.hosts))]


def deploytool_kept(job: Job) -> list[str]:
    return [*deploytool(job), "--keep-connections", "60s"]


def openssh(job: Job) -> list[str]:
    definition = job.write("peer.json", job.wanted.compose)
    remote = f"mkdir -p /srv/bench && cat >{FILE} && {UP}"
    return _at_once(f"{shlex.join([*ssh(host), remote])} <{definition}" for host in job.hosts.values())


def compose_over_ssh(job: Job) -> list[str]:
    definition = job.write("peer.json", job.wanted.compose)
    one = next(iter(job.hosts.values()))
    program = job.folder / "ssh"  # what docker starts for ssh://, with the options of these hosts
    program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} {shlex.join(ssh(one)[3:-1])} "$@"\n')
    program.chmod(0o755)
    plugins = job.folder / "cli-plugins"
    if not plugins.exists():
        plugins.mkdir()
        name = next(iter(job.hosts))
        found = f"{name}:/usr/libexec/docker/cli-plugins/docker-compose"
        subprocess.run(["docker", "cp", found, str(plugins)], capture_output=True, check=True)
    setting = f"env PATH={job.folder}:$PATH DOCKER_CONFIG={job.folder}"
    up = f"docker compose -p bench-peer -f {definition} up -d --wait"
    return _at_once(f"{setting} DOCKER_HOST=ssh://{_address(host)} {up}" for host in job.hosts.values())


def pyinfra(job: Job) -> list[str]:
    definition = job.write("peer.json", job.wanted.compose)
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
        for name, host in job.hosts.items()
    ]
    hosts = job.write("hosts.py", f"web = {entries!r}\n")
    deploy = job.write(
        "deploy.py",
        "from pyinfra.operations import files, server\n"
        f"files.put(src={str(definition)!r}, dest={FILE!r})\n"
        f"server.shell(commands=[{UP!r}])\n",
    )
    return [str(PYINFRA), str(hosts), str(deploy), "-y"]


def ansible(job: Job) -> list[str]:
    return _ansible(job, {})


def ansible_tuned(job: Job) -> list[str]:
    return _tuned(job, {})


def ansible_anew(job: Job) -> list[str]:
    """As in a CI job, or the first time in a minute: it has no connections left from the run before."""
    return _tuned(job, {"ANSIBLE_SSH_CONTROL_PATH_DIR": mkdtemp(prefix="cp", dir=job.folder)})


def _tuned(job: Job, more: dict[str, str]) -> list[str]:
    settings = {"ANSIBLE_PIPELINING": "True", "ANSIBLE_FORKS": str(len(job.hosts)), **more}
    variables = [f"{name}={value}" for name, value in settings.items()]
    return ["env", *variables, *_ansible(job, {"gather_facts": False})]


def _ansible(job: Job, more: dict[str, Any]) -> list[str]:
    service = {"project_name": "bench-peer", "definition": json.loads(job.wanted.compose), "wait": True}
    play = {"hosts": "web", "tasks": [{"community.docker.docker_compose_v2": service}], **more}
    playbook = job.write("ansible.yaml", json.dumps([play]))
    return [str(BIN / "ansible-playbook"), "-i", str(job.inventory), str(playbook)]


def swarm(job: Job) -> list[str]:
    stack = job.write("stack.json", job.wanted.stack(len(job.hosts)))
    manager = next(iter(job.hosts.values()))
    deploy = "docker stack deploy --detach=false --resolve-image never -c /srv/stack.json bench-peer"
    remote = f"cat >/srv/stack.json && {deploy}"
    return ["sh", "-c", f"{shlex.join([*ssh(manager), remote])} <{stack}"]


def missing_pyinfra(hosts: Hosts) -> str:
    return "" if PYINFRA.exists() else "pyinfra is not installed: make bench does that"


def missing_ansible(hosts: Hosts) -> str:
    program = BIN / "ansible-doc"
    module = "community.docker.docker_compose_v2"
    if not program.exists() or subprocess.run([program, module], capture_output=True, check=False).returncode:
        return "its collection community.docker is not here: pip install '.[bench]'"
    for name in hosts:
        look = ["docker", "exec", name, "sh", "-c", "test -e /usr/lib/python3/dist-packages/yaml"]
        if subprocess.run(look, capture_output=True, check=False).returncode:
            return f"{name} has no Python with PyYAML; --python installs it"
    return ""


def missing_openssh(hosts: Hosts) -> str:
    return "" if shutil.which("ssh") else "there is no ssh"


def missing_swarm(hosts: Hosts) -> str:
    """Makes the hosts a swarm."""
    first, *others = hosts
    inside = ["docker", "exec", first, "sh", "-c"]
    command = (
        "docker swarm init --advertise-addr eth0 >/dev/null 2>&1; docker swarm join-token --quiet worker"
    )
    token = subprocess.run([*inside, command], capture_output=True, text=True, check=False).stdout.strip()
    for name in others:
        join = f"docker swarm join --token {token} {first}:2377 2>&1 || docker info | grep 'Swarm: active'"
        done = subprocess.run(
            ["docker", "exec", name, "sh", "-c", join], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"{name} cannot join a swarm: {done.stdout.strip()}"
    return ""


def _at_once(lines: Iterable[str]) -> list[str]:
    """A shell that runs all lines at the same time, and fails where one of them does."""
    begin = "\n".join(f'{line} &\nall="$all $!"' for line in lines)
    return ["sh", "-c", f"{begin}\ncode=0\nfor one in $all; do wait $one || code=1; done\nexit $code"]


def _address(host: Any) -> str:
    return f"{host['ansible_user']}@{host['ansible_host']}:{host['ansible_port']}"


# Many that leave at once are told that it takes too long, and have to ask again.
_LEAVE = """\
for _ in 1 2 3 4 5; do
  docker swarm leave --force >/dev/null 2>&1
  docker info 2>/dev/null | grep -q 'Swarm: inactive' && exit
  sleep 2
done
exit 1"""


@dataclass(frozen=True, slots=True)
class Tool:
    """``missing`` says before each turn why it cannot take it, ``afterwards`` is run on the hosts after it.

    ``only`` are the cases that it can do; all where empty.
    """

    key: str
    name: str
    command: Callable[[Job], list[str]]
    missing: Callable[[Hosts], str] = lambda hosts: ""
    only: tuple[str, ...] = ()
    afterwards: str = "true"


TOOLS = (
    Tool("deploytool", "deploytool", deploytool),
    Tool("deploytool-kept", "deploytool, connections kept", deploytool_kept, missing_openssh),
    Tool("ssh", "ssh, compose up --wait (floor)", openssh, missing_openssh),
    Tool("compose", "compose, DOCKER_HOST=ssh://", compose_over_ssh, missing_openssh),
    Tool("pyinfra", "pyinfra", pyinfra, missing_pyinfra),
    Tool("ansible-tuned", "Ansible, tuned", ansible_tuned, missing_ansible),
    Tool("ansible-anew", "Ansible, tuned, no connections kept", ansible_anew, missing_ansible),
    Tool("ansible", "Ansible, defaults", ansible, missing_ansible),
    Tool("swarm", "Swarm", swarm, missing_swarm, CASES[:4], _LEAVE),
)
