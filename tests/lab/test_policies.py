"""The update policies of a playbook on real hosts: rollback, stop signal, grace period, vanished labels."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from itertools import pairwise

import pytest

from tests.lab.labhosts import Seen
from tests.lab.proof import REPLICAS, SHOP, a_step, leftovers, replicas, updating
from tests.lab.user import User, fails, ok

pytestmark = pytest.mark.proof

NEW = ("-e", "tag=2")
SICK_ON_LAB3 = {"sickness": "{{ (inventory_hostname == 'lab3') | ternary('touch /sick;', '') }}"}


def shop(user: User, rollback_config: str) -> None:
    """Six replicas of version 1 on three hosts, rolled back by a policy of their own."""
    user.write(f"{SHOP}        rollback_config: {rollback_config}\n")
    ok(user.converge())


def started(user: User, host: str, container: Seen) -> datetime:
    told = user.lab.exec(host, "docker", "inspect", "--format", "{{.State.StartedAt}}", container.id)
    return datetime.fromisoformat(told.strip()[:26])


def test_a_rollback_goes_by_rollback_config(user):
    """Two hosts have the new version when the third is sick: one by one back, monitored, with its delay."""
    shop(user, "{parallelism: 1, order: stop-first, monitor: 2s, delay: 3s}")
    before = {c.id for c in replicas(user)}
    done = user.converge(*NEW, "-e", "action=rollback", "-e", json.dumps(SICK_ON_LAB3))
    fails(done, 5, "rolling back to release 1", "shop: rolled back to release 1, which runs again.")
    assert "Converged" not in done.stdout
    there = [(host, c) for host in user.lab.hosts for c in user.lab.containers(host, "shop")]
    assert Counter((c.image, c.status) for _, c in there) == {("demo/web:1", "running"): REPLICAS}
    again = sorted(started(user, host, c) for host, c in there if c.id not in before)
    assert len(again) >= 2
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(again)]
    print(f"{len(again)} replicas went back, {min(pauses):.1f} to {max(pauses):.1f} s apart")
    assert min(pauses) >= 2 + 3
    assert leftovers(user) == []


def test_a_lost_host_does_not_keep_the_others_from_going_back(user):
    """The others have the old version again; the lost one is named, and set right when it is back."""
    shop(user, "{parallelism: 0}")
    sick = ("-e", "action=rollback", "-e", "order=stop-first", "-e", json.dumps(SICK_ON_LAB3))
    with updating(user, *NEW, *sick) as update:
        assert update.until(a_step("start"))
        user.lab.kill("lab1")
        code = update.end()
    (finished,) = update.named("Finished")
    print(f"lab1 lost: exit {code}, {finished['endings']}")
    here = [c for host in ("lab2", "lab3") for c in user.lab.containers(host, "shop")]
    assert (code, finished["endings"]) == (5, {"shop": "rolled back"})
    assert Counter((c.image, c.status) for c in here) == {("demo/web:1", "running"): 4}
    assert list(finished["unreachable"]) == ["lab1"]
    user.lab.start("lab1")
    ok(user.converge("--lock-wait", "90s"))
    assert Counter((c.image, c.status) for c in replicas(user)) == {("demo/web:1", "running"): REPLICAS}
    assert leftovers(user) == []
    assert "Nothing to do." in ok(user.converge()).stdout


def test_a_rollback_after_a_paused_update_goes_back_to_what_ran_before_it(user):
    """Not to the release before that; the failed replica that was kept is gone."""
    shop(user, "{parallelism: 0, monitor: 0s}")
    fails(user.converge(*NEW, "-e", json.dumps(SICK_ON_LAB3)), 5, "paused")
    assert {c.image for c in replicas(user)} == {"demo/web:1", "demo/web:2"}
    done = ok(user.run("rollback", user.lab.inventory, user.folder / "site.yaml"))
    assert "going back to release 1, which ran before the update" in done.stderr
    assert Counter((c.image, c.status) for c in replicas(user)) == {("demo/web:1", "running"): REPLICAS}
    assert "Nothing to do." in ok(user.converge()).stdout


LATE = """\
- name: Late
  hosts: lab1
  services:
    web:
      image: "demo/web:{{ tag | default('1') }}"
      entrypoint: [/bin/busybox, sh, -c]
      command:
        - |
          trap 'sleep 3; echo {{ tag | default('1') }} USR1 >>/told/signals; exit 0' USR1
          trap 'echo TERM >>/told/signals; exit 0' TERM
          while :; do sleep 0.2; done
      volumes: ["/var/tmp/told:/told"]
      stop_signal: SIGUSR1
      stop_grace_period: 20s
      deploy: {replicas: 2, update_config: {monitor: 0s, parallelism: 0}}
"""


def told(user: User) -> list[str]:
    return user.lab.exec("lab1", "cat", "/var/tmp/told/signals").splitlines()


def test_a_replica_is_stopped_by_its_own_signal_and_has_its_grace_period(user):
    """stop_signal, not SIGTERM; and what it does within stop_grace_period it does to its end."""
    user.lab.exec("lab1", "mkdir", "-p", "/var/tmp/told")
    user.write(LATE)
    try:
        ok(user.converge())
        ok(user.converge(*NEW))
        assert told(user) == ["1 USR1"] * 2
        ok(user.run("down", user.lab.inventory, user.folder / "site.yaml", "--yes"))
        assert told(user) == ["1 USR1"] * 2 + ["2 USR1"] * 2
    finally:
        user.lab.exec("lab1", "rm", "-rf", "/var/tmp/told")


AGENTS = """\
- name: Agents
  hosts: web
  services:
    agent:
      image: demo/web:1
      init: true
      stop_grace_period: 1s
      deploy:
        mode: global
        update_config: {monitor: 0s}
        placement: {constraints: [node.labels.disk == ssd]}
"""


def test_a_label_that_vanished_stops_no_global_service_unasked(user):
    """Exit 6 with the numbers, the hosts and the flag, and nothing is touched; with the flag it goes."""
    user.write(AGENTS)
    ok(user.converge("-e", json.dumps({"deploytool_labels": {"disk": "ssd"}})))
    before = user.ids("agents")
    assert user.counts("agents") == [1, 1, 1]
    fails(user.converge(), 6, "3 of 3 healthy replicas", "lab1, lab2, lab3", "--allow-vanished", "--explain")
    assert user.ids("agents") == before
    ok(user.converge("--allow-vanished"))
    assert user.counts("agents") == [0, 0, 0]
