"""A watcher on the lab: the real command as a process, faults of real hosts, and a look from outside.

What is counted comes from ``docker ps`` on the hosts, never from the watcher's own words.
"""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]

PLAYBOOK = """\
- name: Proof
  hosts: web
  services:
    web:
      image: "demo/web:1"
      healthcheck:
        test: [CMD, /bin/busybox, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/"]
        interval: 20s
        timeout: 10s
        start_period: 30s
        start_interval: 1s
      init: true
      stop_grace_period: 1s
      deploy: {replicas: REPLICAS}
"""


def docker(*argv: str, timeout_s: float = 60.0) -> str:
    """The output of ``docker``, which must succeed."""
    done = subprocess.run(("docker", *argv), capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise RuntimeError(f"docker {' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def wait_for(what: str, holds: Callable[[], bool], seconds: float, every_s: float = 0.1) -> float:
    """Seconds until ``holds``.

    Raises:
        AssertionError: it did not within ``seconds``.
    """
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > seconds:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(every_s)
    return time.monotonic() - begun


@dataclass
class Watch:
    """The command ``deploytool watch`` as a process; ``log`` is what it says on stderr."""

    inventory: Path
    folder: Path
    more: Sequence[object] = ()
    port: int = 9469
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    @property
    def log(self) -> Path:
        return self.folder / "watch.log"

    def start(self) -> None:
        argv = [
            sys.executable,
            "-m",
            "deploytool",
            "watch",
            str(self.inventory),
            str(self.folder / "site.yaml"),
        ]
        argv += ["--listen", f"127.0.0.1:{self.port}", *map(str, self.more)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, env=environment, cwd=self.folder)
        self.starts += 1

    def kill(self) -> None:
        """As kill -9 does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> float:
        """SIGTERM; seconds until it has ended, which it must do with 0."""
        assert self.process is not None
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        assert code == 0, f"exit code {code}: {self.log.read_text()}"
        return time.monotonic() - begun

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return answer.read().decode()

    @property
    def ready(self) -> bool:
        try:
            return self.get("/readyz") == "ok\n"
        except OSError:
            return False

    def metric(self, name: str) -> float:
        """The sum of a metric over all of its labels; not a number where nobody answers."""
        try:
            lines = self.get("/metrics").splitlines()
        except OSError:
            return math.nan
        rows = [line for line in lines if line.split("{")[0].split(" ")[0] == f"deploytool_{name}"]
        return sum(float(line.rpartition(" ")[2]) for line in rows)


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """A watcher that is started, ready, and gone at the end."""
    watch.start()
    try:
        wait_for("the watcher is ready", lambda: watch.ready, 60)
        yield watch
    finally:
        if watch.process is not None and watch.process.poll() is None:
            watch.kill()


@dataclass
class Hosts:
    """Hosts of a lab by name, and faults. ``namespace`` stands before the names of their containers."""

    names: Sequence[str]
    namespace: str = ""
    down: set[str] = field(default_factory=set)

    def exec(self, host: str, *argv: str, timeout_s: float = 60.0) -> str:
        return docker("exec", self.container(host), *argv, timeout_s=timeout_s)

    def container(self, host: str) -> str:
        """The host's container on this machine's engine."""
        return f"{self.namespace}{host}"

    def replicas(self, host: str, states: Sequence[str] = ("running",)) -> list[str]:
        """Ids of the containers of the project on a host."""
        filters = [word for state in states for word in ("--filter", f"status={state}")]
        label = "label=com.docker.compose.project=proof"
        said = self.exec(host, "docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", label, *filters)
        return said.split()

    def feeds(self, host: str) -> list[str]:
        """The processes on a host that tell of events."""
        return self.exec(host, "sh", "-c", "pgrep -f 'docker [e]vents' || true").split()

    def counts(self, only: Sequence[str] | None = None) -> dict[str, int]:
        return {host: len(self.replicas(host)) for host in only or self.names}

    def total(self, only: Sequence[str] | None = None) -> int:
        return sum(self.counts(only).values())

    def wait_for_count(self, hosts: Sequence[str], number: int, seconds: float) -> float:
        """Seconds until so many replicas run on these hosts."""
        return wait_for(
            f"{number} replicas on {', '.join(hosts)}", lambda: self.total(hosts) == number, seconds, 0.02
        )

    # --- faults, each with what ends it -------------------------------------------------------------------

    def kill_containers(self, host: str, *containers: str) -> None:
        self.exec(host, "docker", "kill", *containers)

    def pause(self, host: str) -> None:
        """Freeze a host: connections stay open and nothing answers."""
        docker("pause", self.container(host))
        self.down.add(host)

    def unpause(self, host: str) -> None:
        docker("unpause", self.container(host))
        self.down.discard(host)

    def cut(self, host: str) -> None:
        """Cut a host off the network: packets vanish in both directions."""
        self.exec(host, "sh", "-c", "iptables -I INPUT -i eth0 -j DROP; iptables -I OUTPUT -o eth0 -j DROP")
        self.down.add(host)

    def mend(self, host: str) -> None:
        self.exec(host, "sh", "-c", "iptables -D INPUT -i eth0 -j DROP; iptables -D OUTPUT -o eth0 -j DROP")
        self.down.discard(host)

    def kill(self, host: str) -> None:
        """Switch a host off."""
        docker("kill", self.container(host))
        self.down.add(host)

    def start(self, host: str) -> None:
        docker("start", self.container(host))
        self.down.discard(host)

    def restart_engine(self, host: str) -> None:
        """Kill a host's Docker engine, and start it again."""
        self.exec(
            host, "sh", "-c", "pkill -9 -x dockerd; while pgrep -x dockerd; do sleep 0.1; done; lab-engine"
        )


@dataclass
class Chaos:
    """Random faults, the same for the same seed, one every two to five seconds."""

    hosts: Hosts
    watch: Watch
    seed: int
    say: Callable[[str], None] = lambda text: None
    done: dict[str, int] = field(default_factory=dict)
    _heals: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def run(self, seconds: float, least: int = 0) -> None:
        """Faults for so long, and ``least`` of them; at the end all hosts are up and the watcher runs."""
        dice = random.Random(self.seed)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end or sum(self.done.values()) < least:
                self._heal(time.monotonic())
                self._fault(dice)
                time.sleep(dice.uniform(2.0, 5.0))
        finally:
            self._heal(float("inf"))

    def _heal(self, now: float) -> None:
        for due, heal in [entry for entry in self._heals if entry[0] <= now]:
            self._heals.remove((due, heal))
            heal()

    def _fault(self, dice: random.Random) -> None:
        # All dice are thrown, whatever comes of it: so one slow host does not change all that follows.
        host, kind = dice.choice(list(self.hosts.names)), dice.random()
        which, length_s = dice.randrange(100), dice.uniform(2.0, 8.0)
        if host in self.hosts.down or (kind >= 0.5 and len(self.hosts.down) >= 2):
            kind = 0.99

        def for_a_while(begin: Callable[[str], None], end: Callable[[str], None]) -> None:
            begin(host)
            self._heals.append((time.monotonic() + length_s, lambda: end(host)))

        faults: list[tuple[float, str, Callable[[], None]]] = [
            (0.40, "kill container", lambda: self._kill_container(host, which)),
            (0.50, "remove container", lambda: self._remove_container(host, which)),
            (
                0.65,
                "pause host",
                lambda: for_a_while(self.hosts.pause, self.hosts.unpause),
            ),
            (0.80, "cut network", lambda: for_a_while(self.hosts.cut, self.hosts.mend)),
            (0.90, "restart engine", lambda: self.hosts.restart_engine(host)),
            (1.00, "kill watcher", self._restart_watcher),
        ]
        _, name, act = next(fault for fault in faults if kind < fault[0])
        self.done[name] = self.done.get(name, 0) + 1
        self.say(f"{name} {'' if name == 'kill watcher' else host}")
        act()

    def _kill_container(self, host: str, which: int) -> None:
        self._to_container("kill", host, which)

    def _remove_container(self, host: str, which: int) -> None:
        self._to_container("rm --force", host, which)

    def _to_container(self, verb: str, host: str, which: int) -> None:
        """Whatever ended it meanwhile was a fault, too."""
        found = self.hosts.replicas(host)
        try:
            if found:
                self.hosts.exec(host, "docker", *verb.split(), found[which % len(found)])
        except RuntimeError as error:
            if not any(words in str(error) for words in ("is not running", "No such container")):
                raise

    def _restart_watcher(self) -> None:
        self.watch.kill()
        self.watch.start()


def write_playbook(folder: Path, replicas: int) -> Path:
    path = folder / "site.yaml"
    path.write_text(PLAYBOOK.replace("REPLICAS", str(replicas)), "utf-8")
    return path


def usage(pid: int) -> dict[str, float]:
    """Resources of a process: CPU seconds, memory in MB, open files and threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    return {
        "cpu_s": (int(fields[11]) + int(fields[12])) / ticks,
        "rss_mb": int(status["VmRSS"].split()[0]) / 1024,
        "files": float(len(list(Path(f"/proc/{pid}/fd").iterdir()))),
        "threads": float(status["Threads"]),
    }


def hosts_of(inventory: Path) -> list[str]:
    """The names in the lab's inventory, as the tool itself reads it."""
    argv = [sys.executable, "-m", "deploytool", "inventory", str(inventory), "--list"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=ROOT)
    return sorted(json.loads(done.stdout)["_meta"]["hostvars"])
