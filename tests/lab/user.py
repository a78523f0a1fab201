"""Somebody at a shell: the command as it is typed, on the hosts of the lab."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.labhosts import LabHosts

WEB = """\
- name: Shop
  hosts: web
  services:
    web:
      image: "demo/web:{{ tag | default('1') }}"
      healthcheck:
        test: [CMD, /bin/busybox, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/"]
        interval: 30s
        timeout: 3s
        retries: 2
        start_period: 10s
        start_interval: 300ms
      init: true
      stop_grace_period: 1s
      deploy:
        replicas: "{{ count | default(6) | int }}"
        update_config: {parallelism: 2, order: start-first, monitor: 0s}
"""


@dataclass
class User:
    """Somebody with a working copy, a playbook, and a shell without a terminal."""

    lab: LabHosts
    folder: Path
    timeout_s: float = 150.0

    def write(self, text: str, name: str = "site.yaml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), "utf-8")
        return path

    def run(self, *argv: object, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deploytool", *map(str, argv)]
        environment = {**os.environ, **(env or {})}
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=self.timeout_s,
            cwd=self.folder,
            env=environment,
            check=False,
        )

    def converge(self, *more: object) -> subprocess.CompletedProcess[str]:
        return self.run("converge", self.lab.inventory, self.folder / "site.yaml", *more)

    def ids(self, project: str = "shop") -> dict[str, set[str]]:
        """Host → ids of the project's running containers."""
        return {
            host: {c.id for c in self.lab.containers(host, project) if c.running} for host in self.lab.hosts
        }

    def counts(self, project: str = "shop") -> list[int]:
        return [len(ids) for ids in self.ids(project).values()]


def ok(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done


def fails(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """The exit code, a sentence with the words, no traceback."""
    assert done.returncode == code, f"{done.returncode}: {done.stdout}\n{done.stderr}"
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    for word in words:
        assert word in said, said
