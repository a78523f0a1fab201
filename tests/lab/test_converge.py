"""The main job, as a user does it: the command on real hosts. State is asserted before output."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import paramiko
import pytest

from deploytool.cli import app
from deploytool.transport.ssh import open_transport
from tests.lab.labhosts import LabHosts
from tests.lab.user import WEB, fails, ok

PLAYBOOK = WEB
FEW = ("-e", "count=3")  # where the number does not matter


def test_counts_are_followed_and_each_second_run_changes_nothing(user):
    """6 are 2+2+2; 7, 3, 0 and back: only the difference moves, and a repeated run says so."""
    ok(user.converge())
    assert user.counts() == [2, 2, 2]
    for count, expected in ((7, [2, 2, 3]), (3, [1, 1, 1]), (0, [0, 0, 0]), (6, [2, 2, 2])):
        before = set().union(*user.ids().values())
        ok(user.converge("-e", f"count={count}"))
        after = user.ids()
        assert sorted(user.counts()) == expected
        assert len(before & set().union(*after.values())) == min(len(before), count)
        assert "Nothing to do." in ok(user.converge("-e", f"count={count}")).stdout
        assert user.ids() == after


@pytest.fixture
def counted(user, monkeypatch):
    """Runs converge in this process; returns the commands and the connections that it made, by host."""
    connections, execs = Counter(), Counter()
    start = paramiko.Transport.start_client

    def counted_start(self, *args, **kwargs):
        connections[f"lab{self.getpeername()[1] % 10}"] += 1
        return start(self, *args, **kwargs)

    class Counted:
        def __init__(self, host, settings):
            self.name, self.transport = host.name, open_transport(host, settings)

        def prepare(self):
            self.transport.prepare()

        def run(self, argv, **kwargs):
            execs[self.name] += 1
            return self.transport.run(argv, **kwargs)

        def close(self):
            self.transport.close()

    monkeypatch.setattr(paramiko.Transport, "start_client", counted_start)
    monkeypatch.setattr("deploytool.backend.compose.backend.open_transport", Counted)

    def converge(*more):
        execs.clear()
        connections.clear()
        argv = ["converge", str(user.lab.inventory), str(user.folder / "site.yaml"), *more]
        assert app.main(argv, standalone_mode=False) == 0
        return dict(execs), dict(connections)

    return converge


ONCE = {"lab1": 1, "lab2": 1, "lab3": 1}


def test_nothing_to_do_costs_one_connection_and_one_exec_a_host(user, counted):
    """Counted where they are made, in a run of this process."""
    ok(user.converge(*FEW))
    assert counted(*FEW) == (ONCE, ONCE)


def test_connections_that_are_kept_serve_all_runs(user, counted, sockets):
    """All kinds of steps go over them; with nothing to do it is one command, and no connection at all."""
    keep = ("--keep-connections", "1m")
    ok(user.converge("-e", "count=3", *keep))
    kept = sorted(sockets.iterdir())
    assert len(kept) == 3
    ok(user.converge("-e", "count=6", *keep))
    user.lab.exec("lab2", "docker", "rm", "--force", *user.ids()["lab2"])
    ok(user.converge("-e", "count=6", "-e", "tag=2", "--yes", *keep))
    assert user.counts() == [2, 2, 2]
    assert counted("-e", "count=6", "-e", "tag=2", *keep) == (ONCE, {})
    assert sorted(sockets.iterdir()) == kept


def test_a_host_that_died_behind_a_kept_connection_costs_its_timeout(user, sockets):
    """The others are served meanwhile, and with the host back all is well."""
    keep = ("--keep-connections", "1m", "--connect-timeout", "4s")
    ok(user.converge("-e", "count=3", *keep))
    user.lab.pause("lab3")
    begun = time.monotonic()
    fails(user.converge("-e", "count=6", *keep), 4, "lab3")
    assert time.monotonic() - begun < 60  # not what a command may take
    user.lab.unpause("lab3")
    ok(user.converge("-e", "count=6", *keep))
    assert sum(user.counts()) == 6


def test_what_was_harmed_by_hand_comes_back_and_nothing_else_is_touched(user):
    """Removed, stopped, killed, paused, all on one host: one converge, and all other ids stay."""
    ok(user.converge("-e", "count=12"))
    before = user.ids()
    removed, *kept = sorted(before["lab2"])
    for harm, victim in zip(("rm -f", "stop -t 1", "kill", "pause"), (removed, *kept), strict=True):
        user.lab.exec("lab2", "sh", "-c", f"docker {harm} {victim}")
    ok(user.converge("-e", "count=12"))
    after = user.ids()
    assert [len(ids) for ids in after.values()] == [4, 4, 4]
    assert after == {**before, "lab2": {*kept, *(after["lab2"] - before["lab2"])}}
    assert "Nothing to do." in ok(user.converge("-e", "count=12")).stdout


@pytest.mark.parametrize("fault", ["pause", "kill"])
def test_a_dead_host_does_not_stop_the_others_and_is_not_replaced(user, fault):
    """Exit 4 within one connect timeout; the others are repaired; nothing starts elsewhere."""
    ok(user.converge(*FEW))
    victim = sorted(user.ids()["lab1"])[0]
    user.lab.exec("lab1", "docker", "rm", "-f", victim)
    getattr(user.lab, fault)("lab3")
    begun = time.monotonic()
    done = user.converge(*FEW, "--connect-timeout", "4s")
    seconds = time.monotonic() - begun
    assert [len(user.lab.containers(host, "shop")) for host in ("lab1", "lab2")] == [1, 1]
    fails(done, 4, "lab3")
    assert seconds < 4 + 15, "one timeout, not several; the rest is what a busy machine needs"


MUCH = """\
- name: Shop
  hosts: web
  services:
    web:
      image: demo/web:1
      depends_on:
        migrate: {condition: service_completed_successfully}
        db: {condition: service_healthy}
      environment: {GREETING: "ü $$HOME", EMPTY: ""}
      configs: [{source: page, target: /www/page.html}]
      secrets: [token]
      ports: ["127.0.0.1:9000-9001:8080"]
      networks: {back: {aliases: [shop]}, default: }
      labels: ["a.b=$$c"]
      extra_hosts: ["other:10.1.2.3"]
      tmpfs: /scratch
      init: true
      stop_grace_period: 1s
      deploy:
        replicas: 4
        update_config: {monitor: 0s}
        resources: {reservations: {memory: 8M}}
    migrate:
      image: demo/web:1
      entrypoint: [/bin/busybox, "true"]
    db:
      image: demo/web:1
      volumes: ["data:/var/lib/data"]
      networks: [back]
      healthcheck: {test: [CMD, /bin/busybox, "true"], interval: 1s}
      init: true
      stop_grace_period: 1s
  networks: {back: {internal: true}}
  volumes: {data: }
  configs: {page: {content: "hello $$you"}}
  secrets: {token: {content: s3cr3t}}
"""


def test_compose_up_by_hand_changes_nothing_on_a_converged_host(user):
    """The file on the host is ordinary Compose, and says what runs; what has ended does not run again."""
    user.write(MUCH)
    ok(user.converge())

    def started() -> dict[str, str]:
        ids = [(host, c.id) for host in user.lab.hosts for c in user.lab.containers(host)]
        return {id: user.lab.exec(h, "docker", "inspect", "-f", "{{.State.StartedAt}}", id) for h, id in ids}

    before = started()
    assert len(before) == 6
    for host in user.lab.hosts:
        user.lab.exec(host, "docker", "compose", "-f", "/var/lib/deploytool/shop/compose.yaml", "up", "-d")
    assert started() == before
    assert "Nothing to do." in ok(user.converge()).stdout


def test_an_update_replaces_all_and_names_what_changed(user):
    """New image everywhere, old containers gone, the plan says which key."""
    ok(user.converge())
    before = set().union(*user.ids().values())
    done = ok(user.converge("-e", "tag=2"))
    now = [c for host in user.lab.hosts for c in user.lab.containers(host, "shop")]
    assert {c.image for c in now} == {"demo/web:2"}
    assert len(now) == 6
    assert not before & {c.id for c in now}
    assert "demo/web:1 → demo/web:2" in done.stdout
    assert "changed: image" in done.stdout


def test_what_is_not_ours_is_never_touched(user):
    """A plain container, a Compose project of somebody else, a volume: there before, there after."""
    lab = user.lab
    theirs = (
        'name: theirs\nservices: {web: {image: "demo/web:1", volumes: ["data:/data"]}}\nvolumes: {data: {}}\n'
    )
    lab.exec("lab1", "docker", "run", "-d", "--name", "plain", "demo/web:1")
    lab.exec(
        "lab1", "sh", "-c", "mkdir -p /srv/theirs && cat >/srv/theirs/compose.yaml", stdin=theirs.encode()
    )
    lab.exec("lab1", "docker", "compose", "-f", "/srv/theirs/compose.yaml", "up", "-d")
    mine = {c.id for c in lab.containers("lab1")}
    for count in (3, 0):
        ok(user.converge("-e", f"count={count}"))
    assert {c.id for c in lab.containers("lab1") if c.running} == mine
    assert "theirs_data" in lab.exec("lab1", "docker", "volume", "ls", "-q")


def test_a_project_of_the_same_name_is_refused(user):
    """Exit 6 with the container's name and the flag, and nothing is touched."""
    lab = user.lab
    lab.exec("lab2", "docker", "run", "-d", "--name", "older", "--label", "com.docker.compose.project=shop",
             "--label", "com.docker.compose.service=web", "demo/web:1")  # fmt: skip
    done = user.converge()
    assert [c.name for host in lab.hosts for c in lab.containers(host)] == ["older"]
    fails(done, 6, "older on lab2", "--adopt")


def test_published_ports_configs_and_secrets_reach_the_container(user):
    """Files are copied by content: another content is another container, the same one is not."""
    play = """\
        - name: Shop
          hosts: lab1
          services:
            web:
              image: "demo/web:1"
              ports: ["80:8080"]
              environment: {GREETING: "$$ü {{ inventory_hostname }}"}
              configs: [{source: page, target: /www/page.html}]
              secrets: [token]
              init: true
              stop_grace_period: 1s
              deploy: {update_config: {monitor: 1s}}
          configs: {page: {file: page.html}}
          secrets: {token: {file: token.txt}}
        """
    user.write(play)
    user.write("grüße $HOME", "page.html")
    user.write("s3cr3t-value", "token.txt")
    done = ok(user.converge())
    lab1 = user.lab.host("lab1")
    with urllib.request.urlopen(f"http://127.0.0.1:{lab1.http_port}/page.html", timeout=10) as page:
        assert page.read().decode() == "grüße $HOME"
    (container,) = user.lab.containers("lab1", "shop")
    assert (
        user.lab.exec("lab1", "docker", "exec", container.id, "/bin/busybox", "cat", "/run/secrets/token")
        == "s3cr3t-value"
    )
    environment = user.lab.exec("lab1", "docker", "exec", container.id, "/bin/busybox", "env")
    assert "GREETING=$ü lab1" in environment
    assert "s3cr3t-value" not in done.stdout + done.stderr
    assert "Nothing to do." in ok(user.converge()).stdout
    user.write("other", "page.html")
    ok(user.converge())
    (renewed,) = user.lab.containers("lab1", "shop")
    assert renewed.id != container.id


def test_a_sick_version_stops_the_rollout_and_says_why(user):
    """Exit 5, the last words of the container, the old replicas still there, no lease left."""
    ok(user.converge())
    before = set().union(*user.ids().values())
    sick = (
        WEB.replace("http://127.0.0.1:8080/", "http://127.0.0.1:1/")
        .replace("start_period: 10s", "start_period: 0s")
        .replace("interval: 30s", "interval: 1s")
    )
    user.write(sick)
    done = user.converge()
    assert before <= set().union(*user.ids().values())
    fails(done, 5, "is unhealthy", "docker compose -p shop logs web")
    user.write(WEB)
    ok(user.converge())
    assert user.counts() == [2, 2, 2]


def test_an_image_that_does_not_exist_touches_nothing(user):
    """Exit 5 before the first stop anywhere, with the image's name and a way out."""
    ok(user.converge(*FEW))
    before = user.ids()
    done = user.converge(*FEW, "-e", "tag=none")
    assert user.ids() == before
    fails(done, 5, "demo/web:none", "hint: check its name and tag")
    assert "Nothing to do." in ok(user.converge(*FEW)).stdout


def test_a_host_without_docker_or_compose_has_to_be_set_right_first(user):
    """Exit 4 with what is missing, and no host is touched."""
    lab = user.lab
    user.write(WEB.replace("hosts: web", "hosts: lab2").replace("Shop", "Other"), "other.yaml")
    ok(
        user.run("converge", lab.inventory, user.folder / "other.yaml")
    )  # facts are kept, not believed for ever
    plugin = "/usr/libexec/docker/cli-plugins/docker-compose"
    found = lab.exec(
        "lab2", "sh", "-c", f"ls {plugin} /usr/lib/docker/cli-plugins/docker-compose 2>/dev/null || :"
    )
    for path, words in ((found.split()[0], "Compose plugin"), ("/usr/bin/docker", "docker is not installed")):
        lab.exec("lab2", "mv", path, f"{path}.away")
        try:
            done = user.converge()
            assert lab.containers("lab1", "shop") == ()
        finally:
            lab.exec("lab2", "mv", f"{path}.away", path)
        fails(done, 4, "lab2", words, "--limit")


def test_an_engine_that_is_down_is_like_a_dead_host(user):
    """Exit 4 and a sentence; when it is back, one more converge repairs what went with it."""
    lab = user.lab
    ok(user.converge(*FEW))
    lab.exec("lab2", "sh", "-c", "pkill -9 -x dockerd; while pgrep -x dockerd; do sleep 0.1; done")
    fails(user.converge(*FEW), 4, "lab2", "the Docker engine does not answer")
    lab.exec("lab2", "sh", "-c", "lab-engine; timeout 60 sh -c 'until docker version; do sleep 0.2; done'")
    ok(user.converge(*FEW))
    assert user.counts() == [1, 1, 1]
    assert "Nothing to do." in ok(user.converge(*FEW)).stdout


def test_an_unknown_host_key_is_refused_with_the_way_out(user):
    """Exit 4, the exact ssh-keyscan line, no host touched; --accept-new-host-keys is the other way."""
    known = user.folder / "known_hosts"
    text = user.lab.inventory.read_text("utf-8").replace("/../.lab", "")
    text = text.replace("{{ inventory_dir }}/known_hosts", str(known))
    inventory = user.write(text.replace("{{ inventory_dir }}", str(user.lab.key_file.parent)), "hosts.yaml")
    done = user.run("converge", inventory, user.folder / "site.yaml")
    assert user.counts() == [0, 0, 0]
    fails(done, 4, f"ssh-keyscan -p {user.lab.host('lab1').ssh_port} 127.0.0.1", "--accept-new-host-keys")
    ok(user.run("converge", inventory, user.folder / "site.yaml", "--accept-new-host-keys"))
    ok(user.run("plan", inventory, user.folder / "site.yaml"))


def test_a_plan_touches_nothing_and_says_what_is_pending(user):
    """No folder, no container; exit 10 where it was asked for."""
    done = user.run("plan", user.lab.inventory, user.folder / "site.yaml", "--detailed-exitcode")
    assert user.counts() == [0, 0, 0]
    assert user.lab.try_exec("lab1", "ls", "/var/lib/deploytool").exit_code != 0
    assert done.returncode == 10
    assert "Plan: 6 to start, 0 to replace, 0 to stop on 3 hosts." in done.stdout
    assert user.converge("--check").stdout == done.stdout


def test_status_says_expected_and_actual(user):
    """As a table and as JSON; drift is visible without a plan."""
    ok(user.converge())
    victim = sorted(user.ids()["lab2"])[0]
    user.lab.exec("lab2", "docker", "rm", "-f", victim)
    done = user.run(
        "status", user.lab.inventory, user.folder / "site.yaml", "-o", "json", "--detailed-exitcode"
    )
    assert done.returncode == 10, done.stderr
    states = {row["host"]: row["state"] for row in json.loads(done.stdout)["replicas"]}
    assert states == {"lab1": "ok", "lab2": "missing", "lab3": "ok"}
    text = ok(user.run("status", user.lab.inventory, user.folder / "site.yaml")).stdout
    assert "5 of 6 replicas are healthy." in text


def test_a_killed_run_is_finished_by_the_next(user):
    """kill -9 in the middle of an update; the next run takes over at once and leaves nothing behind."""
    ok(user.converge())
    command = [
        sys.executable,
        "-m",
        "deploytool",
        "converge",
        str(user.lab.inventory),
        "site.yaml",
        "-e",
        "tag=2",
    ]
    with subprocess.Popen(command, cwd=user.folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as run:
        for line in run.stderr:
            if b"ready" in line and b"web" in line:
                break
        run.kill()
    ok(user.converge("-e", "tag=2"))
    now = [c for host in user.lab.hosts for c in user.lab.containers(host, "shop")]
    assert Counter(c.image for c in now) == {"demo/web:2": 6}
    assert "Nothing to do." in ok(user.converge("-e", "tag=2")).stdout


@pytest.fixture
def compose_here(lab: LabHosts, tmp_path: Path) -> dict[str, str]:
    """The environment in which this machine's docker has the Compose plugin: its own, else the lab's."""
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return {}
    plugins = tmp_path / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    binary = f"{lab.container('lab1')}:/usr/libexec/docker/cli-plugins/docker-compose"
    subprocess.run(["docker", "cp", binary, str(plugins)], check=True, capture_output=True)
    return {"DOCKER_CONFIG": str(tmp_path / "docker")}


def test_this_machine_can_be_converged_without_sshd(user, tmp_path, compose_here):
    """ansible_connection: local, with this machine's own engine."""
    inventory = user.write(
        f"""\
        all:
          hosts:
            here:
              ansible_connection: local
              deploytool_dir: {tmp_path}/state
        """,
        "local.yaml",
    )
    user.write(
        """\
        - name: deploytool local test
          hosts: here
          services: {web: {image: "demo/web:1", init: true, deploy: {update_config: {monitor: 1s}}}}
        """
    )
    project = "deploytool-local-test"
    listing = ["docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={project}"]
    try:
        for expected in ("Converged", "Nothing to do."):
            done = user.run("converge", inventory, user.folder / "site.yaml", env=compose_here)
            assert len(subprocess.check_output(listing, text=True).split()) == 1, done.stderr
            assert expected in ok(done).stdout
    finally:
        for container in subprocess.check_output(listing, text=True).split():
            subprocess.run(["docker", "rm", "-f", container], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["docker", "network", "rm", f"{project}_default"], check=False, capture_output=True)
