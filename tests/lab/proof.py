"""Shared by the proofs on real hosts: an update with a fault in the middle, and looking from outside.

Nothing here believes what deploytool says. What runs is asked of each host's own engine, and what serves is
asked of the published ports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from tests.lab.labhosts import Seen
from tests.lab.user import User, ok

SHOP = """\
- name: Shop
  hosts: web
  services:
    web:
      image: "demo/web:{{ tag | default('1') }}"
      init: true
      entrypoint: [/bin/busybox, sh, -c, "{{ sickness | default('') }} exec /bin/busybox sh /bin/web"]
      ports: ["8001-8004:8080"]
      healthcheck:
        test: [CMD, /bin/busybox, sh, -c, "test ! -e /sick && wget -q -O /dev/null http://127.0.0.1:8080/"]
        interval: "{{ '1s' if sickness is defined else '5s' }}"  # each check starts processes
        timeout: 3s
        retries: 1
        start_period: 10s
        start_interval: 300ms
      stop_grace_period: 1s
      deploy:
        replicas: 6
        update_config:
          parallelism: 2
          order: "{{ order | default('start-first') }}"
          monitor: "{{ monitor | default('1s') }}"
          failure_action: "{{ action | default('pause') }}"
"""
REPLICAS = 6
SICK_AFTER_3_S = {"sickness": "(sleep 3; touch /sick) &"}

Event = dict[str, Any]


@dataclass
class Update:
    """A converge that goes on while a test looks on. ``events`` are those of -o jsonl, as they came."""

    process: subprocess.Popen[str]
    events: list[Event] = field(default_factory=list)
    errors: str = ""

    def until(self, wanted: Callable[[Event], bool]) -> Event | None:
        """The next event that is wanted; None where the run ended before."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if wanted(self.events[-1]):
                return self.events[-1]
        return None

    def end(self, timeout_s: float = 240) -> int:
        """Wait for the end; returns the exit code."""
        timer = threading.Timer(timeout_s, self.process.kill)
        timer.start()
        try:
            self.until(lambda event: False)
            self.errors = self.process.stderr.read() if self.process.stderr else ""
            return self.process.wait()
        finally:
            timer.cancel()

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event["event"] == name]


@contextmanager
def updating(user: User, *arguments: object) -> Iterator[Update]:
    """``deploytool converge`` with events on stdout; killed at the end if it still runs."""
    command = [sys.executable, "-m", "deploytool", "converge", user.lab.inventory, "site.yaml", "-o", "jsonl"]
    process = subprocess.Popen(
        [str(word) for word in (*command, *arguments)],
        cwd=user.folder,
        env=os.environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield Update(process)
        finally:
            process.kill()


def a_step(kind: str, done: bool = True) -> Callable[[Event], bool]:
    """The event that a step of a service was done, or begun."""
    name = "StepDone" if done else "StepStarted"
    return lambda e: e["event"] == name and e["step"]["kind"] == kind and bool(e["step"]["service"])


def replicas(user: User, hosts: Sequence[str] | None = None) -> list[Seen]:
    """All containers of the project, in whatever state, as the hosts' engines tell."""
    names = user.lab.hosts if hosts is None else hosts
    return [c for name in names for c in user.lab.containers(name, "shop")]


def leftovers(user: User) -> list[str]:
    """Remains of an interrupted run: staged files, leases, half-written releases."""
    look = "cd /var/lib/deploytool/shop && ls -d .stage lease lease.new .attempt .news.* 2>/dev/null || :"
    return [
        f"{host}: {name}" for host in user.lab.hosts for name in user.lab.exec(host, "sh", "-c", look).split()
    ]


def settles(user: User, tag: str = "2", *more: str) -> None:
    """The fault is gone: one more converge ends as desired, and leaves nothing else."""
    wanted = ("-e", f"tag={tag}", *more)
    ok(user.converge(*wanted))
    found = replicas(user)
    assert Counter((c.image, c.status) for c in found) == {(f"demo/web:{tag}", "running"): REPLICAS}
    assert len({c.name for c in found}) <= REPLICAS
    assert leftovers(user) == []
    assert "Nothing to do." in ok(user.converge(*wanted)).stdout


def stopped_ids(update: Update) -> set[str]:
    """The containers that the run says it took out."""
    stops = (e["step"] for e in update.named("StepDone") if e["step"]["kind"] == "stop")
    return {ref["id"] for step in stops for ref in step["containers"]}


# --- from outside ---------------------------------------------------------------------------------------


@dataclass
class Outside:
    """Asks every published port of every host again and again; counts those that answer, and the requests."""

    addresses: Sequence[str]
    samples: list[int] = field(default_factory=list)
    requests: int = 0

    def sample(self) -> int:
        with ThreadPoolExecutor(len(self.addresses)) as pool:
            return sum(pool.map(self._answers, self.addresses))

    def _answers(self, address: str) -> bool:
        self.requests += 1
        try:
            with urllib.request.urlopen(f"http://{address}/", timeout=2) as page:
                return bool(page.read())
        except (OSError, HTTPException):  # the latter where it stops in the middle of its answer
            return False


@contextmanager
def under_load(user: User, ports: Sequence[int] = (8001, 8002, 8003, 8004)) -> Iterator[Outside]:
    """While inside, every port of every host is asked without a pause, and each round is a sample."""
    outside = Outside([f"{address(user, host)}:{port}" for host in user.lab.hosts for port in ports])
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            outside.samples.append(outside.sample())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield outside
    finally:
        over.set()
        thread.join(10)


def address(user: User, host: str) -> str:
    """Where this machine reaches a host of the lab directly."""
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    inspect = ["docker", "inspect", "--format", template, user.lab.container(host)]
    return subprocess.check_output(inspect, text=True).strip()


def eventually(holds: Callable[[], bool], timeout_s: float = 60) -> None:
    """Poll until it holds."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, f"not within {timeout_s} s"
        time.sleep(0.2)
