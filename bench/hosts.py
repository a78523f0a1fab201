"""The lab's hosts while they are measured: their processor time, and what came in over SSH.

Every host is a container of this machine's engine, so that its own engine and containers count as its own.
For the time of a measurement sshd writes a log, from which connections and commands are counted.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Hosts = Mapping[str, Mapping[str, Any]]
LOG = "/run/bench-sshd.log"
# Nanoseconds of the whole container, by either version of control groups, then connections and commands.
COUNTERS = f"""\
group=$(sed -n 's/^[0-9]*:.*cpuacct[^:]*://p' /proc/1/cgroup)
if [ -n "$group" ]; then cat /sys/fs/cgroup/cpuacct$group/cpuacct.usage
else sed -n 's/usage_usec \\(.*\\)/\\1000/p' /sys/fs/cgroup/cpu.stat; fi
grep -c 'Accepted publickey' {LOG}
grep -c 'Starting session:' {LOG}
true"""


@dataclass(frozen=True, slots=True)
class Load:
    """The work of all hosts so far, and the most connections and commands over SSH to one of them."""

    cpu_s: float
    connections: int
    commands: int

    def since(self, before: Load) -> Load:
        """The difference to an earlier state; the counts are exact where every host gets the same."""
        return Load(
            self.cpu_s - before.cpu_s,
            self.connections - before.connections,
            self.commands - before.commands,
        )


def ssh(variables: Mapping[str, Any]) -> list[str]:
    """OpenSSH to one host, as a user types it."""
    options = ["-o", f"UserKnownHostsFile={variables['known_hosts']}", "-o", "IdentitiesOnly=yes"]
    login = f"{variables['ansible_user']}@{variables['ansible_host']}"
    return ["ssh", "-p", str(variables["ansible_port"]), "-i", variables["key"], *options, login]


def on_all(hosts: Hosts, command: str) -> None:
    """Run a line of shell on all hosts at once, past sshd."""
    words = (["docker", "exec", name, "sh", "-c", command] for name in hosts)
    running = [subprocess.Popen(line, stdout=subprocess.DEVNULL) for line in words]
    codes = [process.wait() for process in running]
    assert not any(codes), command


@contextmanager
def watched(hosts: Hosts) -> Iterator[None]:
    """The hosts with an sshd that writes a log of what comes in."""
    on_all(hosts, f"{_STOP_SSHD}; /usr/sbin/sshd -E {LOG} -o LogLevel=VERBOSE")
    try:
        yield
    finally:
        on_all(hosts, f"{_STOP_SSHD}; /usr/sbin/sshd; rm -f {LOG}")


# On a busy machine it takes its time, and as long as its port is taken another one ends without a word.
_STOP_SSHD = """\
old=$(pgrep -o sshd)
kill $old
for _ in $(seq 200); do grep -qs '^State:.[^Z]' /proc/$old/status || break; sleep 0.05; done"""


def load_of(hosts: Hosts) -> Load:
    """Read all counters, on all hosts at once."""
    words = (["docker", "exec", name, "sh", "-c", COUNTERS] for name in hosts)
    running = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for line in words]
    said = [process.communicate()[0].split() for process in running]
    return Load(
        cpu_s=sum(int(words[0]) for words in said) / 1e9,
        connections=max(int(words[1]) for words in said),
        commands=max(int(words[2]) for words in said),
    )
