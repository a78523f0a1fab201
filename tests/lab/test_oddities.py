"""Containers as an interrupted run, a person or a crash leaves them, on real Docker: each has its rule."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.lab.labhosts import LabHosts
from tests.lab.user import User, fails, ok

# Ends with 0 when it is told to stop; runs into a loop of restarts while /srv/odd/broken is there.
PLAY = """\
- name: Odd
  hosts: lab1
  services:
    {names}
"""
SERVICE = """\
    {name}:
      image: demo/web:1
      init: true
      entrypoint:
        - /bin/busybox
        - sh
        - -c
        - "[ ! -e /srv/broken ] || exit 3; trap 'exit 0' TERM; while :; do /bin/busybox sleep 0.1; done"
      volumes: [/srv/{name}:/srv]
      restart: "{restart}"
      stop_grace_period: 1s
      deploy: {{update_config: {{monitor: 1s}}}}
"""
FILE = "/var/lib/deploytool/odd/compose.yaml"
COMPOSE = f"docker compose -f {FILE}"

HARM = {
    "renamed": "docker rename odd-renamed-1 0123456789ab_odd-renamed-1",
    "twice": f"{COMPOSE} up -d --no-recreate --scale twice=2 twice",
    "paused": "docker pause odd-paused-1",
    "created": f"docker rm -f odd-created-1 && {COMPOSE} create created",
    "ended": "docker stop odd-ended-1",
    "looping": "touch /srv/looping/broken && docker restart odd-looping-1",
    "untouched": "true",
}
CAUSES = {
    "renamed": "0123456789ab_odd-renamed-1 was left by an interrupted Compose run",
    "twice": "1 wanted, 2 there",
    "paused": "odd-paused-1 is paused",
    "created": "odd-created-1 was never started",
    "ended": "odd-ended-1 exited (0)",
    "looping": "odd-looping-1 restarts in a loop (",
}


@pytest.fixture
def odd(lab: LabHosts, tmp_path: Path) -> User:
    """lab1 with one replica of each service, and each of them harmed in its own way."""
    user = User(lab, tmp_path)
    lab.exec("lab1", "rm", "-rf", "/srv/looping")
    restarts = {"looping": "always"}
    services = "".join(SERVICE.format(name=name, restart=restarts.get(name, "no")) for name in HARM)
    user.write(PLAY.replace("    {names}\n", services))
    ok(user.converge())
    user.lab.exec("lab1", "sh", "-ec", "\n".join(HARM.values()))
    deadline = time.monotonic() + 60
    # From then on Docker waits so long before each start that it is seen waiting.
    while restarts_of(user, "odd-looping-1") < 6:
        assert time.monotonic() < deadline, "it does not loop"
        time.sleep(0.2)
    return user


def restarts_of(user: User, name: str) -> int:
    return int(user.lab.exec("lab1", "docker", "inspect", "-f", "{{.RestartCount}}", name))


def described(user: User) -> dict[str, tuple[str, str, str]]:
    """Service → name, state and id of its container; of two, the one whose name sorts first."""
    containers = reversed(user.lab.containers("lab1", "odd"))
    return {c.service: (c.name, c.status, c.id) for c in containers}


def test_each_oddity_has_its_rule_and_its_cause(odd):
    """One converge sets all of them right, says why, and leaves the one that is well alone."""
    before = described(odd)
    planned = odd.run("plan", odd.lab.inventory, odd.folder / "site.yaml")
    said = planned.stdout
    odd.lab.exec("lab1", "rm", "-f", "/srv/looping/broken")
    ok(odd.converge())
    after = described(odd)
    assert len(odd.lab.containers("lab1", "odd")) == len(HARM)
    assert {status for _, status, _ in after.values()} == {"running"}
    same = {name for name in HARM if after[name][2] == before[name][2]}
    assert same == {"paused", "created", "ended", "looping", "untouched", "twice"}
    assert "_" not in after["renamed"][0]
    missing = {name: cause for name, cause in CAUSES.items() if cause not in said}
    assert not missing, planned.stdout
    assert "Nothing to do." in ok(odd.converge()).stdout


def test_what_loops_for_good_is_told(odd):
    """A crash loop that goes on fails its gate and is named; the rest is right."""
    done = odd.converge()
    states = {name: status for name, (_, status, _) in described(odd).items() if name != "looping"}
    assert set(states.values()) == {"running"}
    fails(done, 5, "odd-looping-1")
