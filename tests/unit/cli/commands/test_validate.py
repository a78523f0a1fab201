"""``deploytool validate`` shows everything that is wrong, once, in order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HOSTS = """\
web:
  hosts:
    web1: {ansible_port: many}
    web2: {deploytool_state: asleep}
  children: [db]
"""
PLAYS = """\
- name: Shop
  hosts: web
  serail: 1
  services:
    web:
      imge: shop/web:1
      command: "{{ tagg }}"
      ports: ["80:80:80:80"]
      mem_limit: lots
      depends_on: [cache]
      deploy: {replicas: -1, update_config: {order: sideways}}
      networks: [front]
- name: Shop
  hosts: wbe
  tasks: []
  services: {web: {image: web}}
"""


def validate(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "deploytool", "validate", "hosts.yaml", "play.yaml", *options]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yaml").write_text("web: {hosts: {web1: , web2: }}\n")
    (tmp_path / "play.yaml").write_text(PLAYS)
    return tmp_path


def places(said: str) -> list[tuple[str, int, int]]:
    found = re.findall(r"^(.+?):(\d+):(\d+): error: ", said, re.MULTILINE)
    return [(file, int(line), int(column)) for file, line, column in found]


def test_all_mistakes_are_shown_at_once(folder: Path) -> None:
    """More than ten, on every line that has one; sorted by place, none twice; nothing on stdout."""
    done = validate(folder)
    assert (done.returncode, done.stdout) == (3, "")
    found = places(done.stderr)
    print(done.stderr)
    assert {line for _, line, _ in found} >= {3, 6, 7, 8, 9, 10, 11, 12, 14, 15}
    assert found == sorted(found)
    errors = [line for line in done.stderr.splitlines() if ": error: " in line]
    assert len(set(errors)) == len(errors) >= 10
    assert "did you mean 'serial'?" in done.stderr


def test_an_inventory_shows_all_of_its_mistakes(folder: Path) -> None:
    """Each has its own place."""
    (folder / "hosts.yaml").write_text(HOSTS)
    done = validate(folder)
    assert done.returncode == 3
    print(done.stderr)
    assert len(places(done.stderr)) >= 1
