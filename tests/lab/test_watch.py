"""The watcher as a user runs it: the command, on real hosts that die, freeze and come back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.watchlab import Chaos, Hosts, Watch, wait_for, watching
from deploytool.errors import LabError
from tests.lab.labhosts import ROOT, LabHosts
from tests.lab.prometheus import binary, prometheus

PLAYBOOK = """\
- name: Proof
  hosts: web
  reschedule_after: 5s
  services:
    web:
      image: demo/web:1
      init: true
      stop_grace_period: 1s
      ports: ["8080-8089:8080"]
      deploy: {replicas: 6, update_config: {monitor: 1s}}
"""
LONG_S = 90  # what a loaded machine may need for anything


@pytest.fixture
def hosts(lab: LabHosts) -> Hosts:
    return Hosts(lab.hosts, lab.lab.layout.namespace)


@pytest.fixture
def watch(lab: LabHosts, hosts: Hosts, tmp_path: Path) -> Iterator[Watch]:
    """A watcher that has brought six replicas up, two a host."""
    (tmp_path / "site.yaml").write_text(PLAYBOOK, "utf-8")
    made = Watch(lab.inventory, tmp_path, ["--textfile", tmp_path / "watch.prom", "--reload"], lab.port(9469))
    with watching(made):
        wait_for("all replicas run", lambda: hosts.total() == 6, LONG_S)
        wait_for("and all is done", lambda: made.metric("project_converged") == 1, LONG_S)
        yield made


def test_what_dies_comes_back_and_a_stop_is_clean(hosts, watch):
    """Killed and removed containers; then SIGTERM: gone within five seconds, no lease and no feed left."""
    before = {host: set(hosts.replicas(host)) for host in hosts.names}
    killed, removed = min(before["lab1"]), min(before["lab2"])
    hosts.kill_containers("lab1", killed)
    hosts.exec("lab2", "docker", "rm", "--force", removed)
    wait_for("both are back", lambda: hosts.total() == 6, LONG_S)
    after = {host: set(hosts.replicas(host)) for host in hosts.names}
    assert after["lab1"] == before["lab1"]
    assert before["lab2"] - after["lab2"] == {removed}
    assert after["lab3"] == before["lab3"]
    assert watch.stop() < 5
    for host in hosts.names:
        assert hosts.exec(host, "sh", "-c", "ls /var/lib/deploytool/proof").split().count("lease") == 0
    wait_for("no feed is left", lambda: not any(map(hosts.feeds, hosts.names)), 20)
    assert hosts.total() == 6


def test_a_frozen_host_is_given_up_and_files_are_followed_meanwhile(hosts, watch):
    """The frozen host keeps its connections open: keepalives tell. Back again, surplus goes."""
    others = ["lab1", "lab2"]
    hosts.pause("lab3")
    try:
        hosts.wait_for_count(others, 6, LONG_S)
        site = watch.folder / "site.yaml"
        site.write_text(PLAYBOOK.replace("replicas: 6", "replica: 3"), "utf-8")
        wait_for("a typo is told", lambda: watch.metric("watch_files_ok") == 0, LONG_S)
        assert "unknown key 'replica' in deploy" in watch.log.read_text()
        assert hosts.total(others) == 6
        site.write_text(PLAYBOOK.replace("replicas: 6", "replicas: 8"), "utf-8")
        hosts.wait_for_count(others, 8, LONG_S)
    finally:
        hosts.unpause("lab3")
    wait_for("lab3 is back", lambda: watch.metric("host_reachable") == 3, LONG_S)
    wait_for("eight, and no more", lambda: hosts.total() == 8, LONG_S)
    wait_for("and all is done", lambda: watch.metric("project_converged") == 1, LONG_S)
    assert hosts.total() == 8


def test_a_person_comes_first_and_is_not_undone(lab, hosts, watch):
    """Somebody converges another version from elsewhere: it stays, and the watcher says why it waits."""
    other = watch.folder / "other"
    other.mkdir()
    (other / "site.yaml").write_text(PLAYBOOK.replace("demo/web:1", "demo/web:2"), "utf-8")
    argv = [sys.executable, "-m", "deploytool", "converge", str(lab.inventory), str(other / "site.yaml")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=150, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    wait_for("it waits", lambda: watch.metric("project_waiting") == 1, LONG_S)
    hosts.kill_containers("lab1", hosts.replicas("lab1")[0])
    wait_for("it has seen that", lambda: watch.metric("service_replicas_running") == 5, LONG_S)
    images = {c.image for host in lab.hosts for c in lab.containers(host, "proof")}
    assert images == {"demo/web:2"}
    wait_for("it says why", lambda: "the hosts run release 2" in watch.log.read_text(), LONG_S)
    assert {c.image for host in lab.hosts for c in lab.containers(host, "proof")} == images


def test_while_an_update_fails_what_ran_before_is_watched(lab, hosts, watch):
    """It cannot begin, or is taken back; what runs instead is repaired, until the files say something new."""
    site = watch.folder / "site.yaml"
    site.write_text(PLAYBOOK.replace("demo/web:1", "demo/web:typo\n      pull_policy: never"), "utf-8")
    wait_for("it cannot begin", lambda: "the update could not begin" in watch.log.read_text(), LONG_S)
    hosts.exec("lab1", "docker", "rm", "--force", hosts.replicas("lab1")[0])
    wait_for("what is gone comes back", lambda: hosts.total() == 6, LONG_S)
    careful = PLAYBOOK.replace("monitor: 1s", "monitor: 1s, failure_action: rollback")
    site.write_text(careful.replace("init: true", "entrypoint: [/bin/busybox, 'false']"), "utf-8")
    wait_for("it is taken back", lambda: "release 1 is kept until" in watch.log.read_text(), LONG_S)
    hosts.exec("lab2", "docker", "rm", "--force", hosts.replicas("lab2")[0])
    hosts.kill_containers("lab3", hosts.replicas("lab3")[0])
    wait_for("and is whole again", lambda: hosts.total() == 6, LONG_S)
    wait_for("as the page knows", lambda: watch.metric("service_replicas_running") == 6, LONG_S)
    assert watch.log.read_text().count("rolling back to release 1") == 1
    assert (watch.metric("project_waiting"), watch.metric("project_release")) == (1, 1)
    site.write_text(careful.replace("demo/web:1", "demo/web:2"), "utf-8")
    wait_for("the files count again", lambda: watch.metric("project_converged") == 1, LONG_S)
    assert {c.image for host in lab.hosts for c in lab.containers(host, "proof")} == {"demo/web:2"}
    assert hosts.total() == 6


def test_prometheus_reads_all_of_it(lab, hosts, watch, tmp_path, request):
    """The real server scrapes the watcher and finds the replicas by file_sd, with their labels."""
    try:
        program = binary(ROOT / ".lab" / "prometheus")
    except LabError as error:
        pytest.fail(f"no Prometheus: {error.message}")
    targets = tmp_path / "targets.json"
    argv = [sys.executable, "-m", "deploytool", "targets", str(lab.inventory), str(tmp_path / "site.yaml")]
    argv += ["--prometheus", "--out", str(targets)]
    subprocess.run(argv, check=True, timeout=60, cwd=ROOT)
    assert len(json.loads(targets.read_text())) == 6
    with prometheus(program, tmp_path, watch.port, targets, lab.port(9490)) as server:
        assert server.total("deploytool_service_replicas_desired{service='web'}") == 6
        assert server.total("deploytool_service_replicas_running") == 6
        assert server.total("deploytool_host_reachable") == 3
        assert server.total("deploytool_converges_total{outcome='ok'}") >= 1
        assert server.total("deploytool_converge_duration_seconds_count") >= 1
        assert server.total("deploytool_process_resident_memory_bytes") > 10_000_000
        wait_for("all targets", lambda: len(server.targets()) == 7, LONG_S)
        labels = next(v for k, v in server.targets().items() if "lab2" in k)
        assert (labels["project"], labels["service"], labels["host_zone"]) == ("proof", "web", "b")
    assert "deploytool_service_replicas_desired" in (tmp_path / "watch.prom").read_text()


def test_a_little_chaos_ends_in_the_expected_state(hosts, watch):
    """A few seconds of kills, freezes, cuts and restarts, the watcher's too; bench has the long one."""
    chaos = Chaos(hosts, watch, seed=7)
    chaos.run(15, least=6)  # as many as there are in that time on an idle machine
    wait_for("as expected", lambda: watch.metric("project_converged") == 1, LONG_S, 0.5)
    wait_for("six, and no more", lambda: hosts.total() == 6, LONG_S)
    assert len(chaos.done) >= 3
