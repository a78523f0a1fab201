"""A replica that does not get ready: the reason as real Docker gives it, its last words, and a hint."""

from __future__ import annotations

import pytest

from tests.lab.proof import updating
from tests.lab.user import User

pytestmark = pytest.mark.proof

PLAYBOOK = """\
- name: Shop
  hosts: lab1
  services:
    ends:
      image: demo/web:1
      entrypoint: [/bin/busybox, sh, -c, "seq 20; echo good bye; exit 3"]
    eats:
      image: demo/web:1
      entrypoint: [/bin/busybox, sh, -c, "echo hungry; exec /bin/busybox tail /dev/zero"]
      deploy: {resources: {limits: {memory: 16M}}}
    loops:
      image: demo/web:1
      restart: always
      entrypoint: [/bin/busybox, sh, -c, "sleep 1; exit 5"]
      deploy: {update_config: {monitor: 20s}}
    sick:
      image: demo/web:1
      init: true
      healthcheck: {test: [CMD, /bin/busybox, sh, -c, "echo no database; exit 1"], interval: 1s, retries: 2}
    slow:
      image: demo/web:1
      init: true
      healthcheck: {test: [CMD, /bin/busybox, "false"], interval: 1s, retries: 1, start_period: 300s}
    clash:
      image: demo/web:1
      init: true
      ports: ["22:8080"]
    migrate:
      image: demo/web:1
      entrypoint: [/bin/busybox, sh, -c, "echo no such table; exit 4"]
    waits:
      image: demo/web:1
      depends_on: {migrate: {condition: service_completed_successfully}}
    well:
      image: demo/web:1
      init: true
      stop_grace_period: 1s
"""
REASONS = {
    "ends": ("exited with code 3", "good bye"),
    "eats": ("ran out of memory, exit code 137", "hungry"),
    "loops": ("the last time after exit code 5", ""),
    "sick": ("is unhealthy", "health check: no database"),
    "slow": ("is not healthy yet after 20 s", ""),
    "clash": ("Docker Compose could not start it", ""),
    "migrate": ("exited with code 4", "no such table"),
}


def test_each_failure_says_why_where_and_what_to_type_next(user: User):
    """Exit code, memory, loop, health output, deadline, port, job; the rest is up, dependants wait."""
    with updating(user, "--timeout", "20s") as update:
        code = update.end()
    failures = {event["step"]["service"]: event for event in update.named("StepFailed")}
    assert code == 5
    assert failures.keys() == REASONS.keys()
    for service, (reason, words) in REASONS.items():
        event = failures[service]
        assert reason in event["reason"], event
        assert len([line for line in event["log"] if not line.startswith("health check:")]) <= 10
        assert any(words in line for line in event["log"]) or not words, event
        assert event["hint"] == f"on lab1: docker compose -p shop logs {service}"
    there = {c.service: c for c in user.lab.containers("lab1", "shop")}
    assert "waits" not in there
    assert there["well"].running
    assert failures.keys() - {"clash"} <= there.keys(), "what failed is kept for inspection"
