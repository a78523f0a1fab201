"""A dry run writes nothing on any host, and a saved plan is done exactly or not at all."""

from __future__ import annotations

import hashlib
import json

import jsonschema
import pytest

from tests.lab.labhosts import ROOT, LabHosts
from tests.lab.user import User, ok

SCHEMA = json.loads((ROOT / "docs" / "plan.schema.json").read_text("utf-8"))
PLAYBOOK = """\
- name: Shop
  hosts: web
  services:
    web:
      image: "demo/web:{{ tag | default('1') }}"
      environment: {PIN: "{{ lookup('env', 'SHOP_PIN') }}"}
      secrets: [key]
      init: true
      stop_grace_period: 1s
      deploy: {replicas: 3, update_config: {parallelism: 0, monitor: 0s}}
  secrets:
    key: {file: key.txt}
"""
PINS = {"SHOP_PIN": "4711"}

# Every file of the host with its time, size and mode. What logging in writes is sshd's, not ours.
_FILES = "find / -xdev \\( -path /run -o -path /var/log \\) -prune -o -printf '%p %T@ %s %m\\n' | sort"
_IMAGES = "docker images --all --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | sort"
_EVENTS = "docker events --since {} --until {} --format '{{{{.Type}}}} {{{{.Action}}}}'"


@pytest.fixture
def user(user: User) -> User:
    user.write("0815", "key.txt")
    return user


def state(lab: LabHosts, host: str) -> list[str]:
    """Files, images and containers of a host, with everything that a write would change."""
    containers = "docker ps --all --quiet --no-trunc | sort | xargs -r docker inspect"
    said = (lab.exec(host, "sh", "-c", command) for command in (_FILES, _IMAGES, containers))
    return [line for text in said for line in text.splitlines()]


def now(lab: LabHosts, host: str) -> str:
    return lab.exec(host, "date", "+%s.%N").strip()


DRY = (
    ("plan", "--diff", "-e", "tag=2", "--out", "plan.json", "--detailed-exitcode"),
    ("converge", "--check", "--diff", "-e", "tag=2", "--detailed-exitcode"),
    ("rollback", "--check"),
    ("status",),
    ("render", "--out", "rendered"),
)


@pytest.mark.parametrize(
    ("releases", "commands"), [(0, DRY[:1]), (2, DRY)], ids=["empty hosts", "converged hosts"]
)
def test_a_dry_run_changes_nothing_on_any_host(user, releases, commands):
    """Containers, images, files and their times are as before, and Docker saw nothing happen."""
    lab, files = user.lab, (user.lab.inventory, user.folder / "site.yaml")
    for tag in range(releases):
        ok(user.converge("-e", f"tag={2 - tag}"))
    before = {host: (now(lab, host), state(lab, host)) for host in lab.hosts}
    for name, *options in commands:
        done = user.run(name, *files, *options)
        assert done.returncode == (10 if "--detailed-exitcode" in options else 0), done.stderr
    for host in lab.hosts:
        begun, was = before[host]
        changed = set(was) ^ set(state(lab, host))
        assert not changed, f"{host}: {changed}"
        events = lab.exec(host, "sh", "-c", _EVENTS.format(begun, now(lab, host)))
        assert events == "", host


def test_a_saved_plan_is_done_exactly_once(user):
    """The steps of the document and no others; then it holds no more, and says what changed."""
    ok(user.converge())
    files = (user.lab.inventory, user.folder / "site.yaml")
    path = user.folder / "plan.json"
    shown = ok(user.run("plan", *files, "-e", "tag=2", "--out", path, "-o", "json", env=PINS))
    made = json.loads(path.read_text("utf-8"))
    jsonschema.validate(made, SCHEMA)
    assert json.loads(shown.stdout)["projects"] == made["projects"]

    forgotten = user.run("converge", "--plan", path, env=PINS)
    assert (forgotten.returncode, "the extra variable tag was not given" in forgotten.stderr) == (6, True)
    done = ok(user.run("converge", "--plan", path, "-e", "tag=2", "-o", "jsonl", env=PINS))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    ids = sorted(event["step"]["id"] for event in events if event["event"] == "StepDone")
    assert ids == sorted(step["id"] for step in made["projects"][0]["steps"])
    assert user.counts() == list(made["projects"][0]["placements"]["web"].values())

    before = user.ids()
    again = user.run("converge", "--plan", path, "-e", "tag=2", env=PINS)
    assert user.ids() == before
    assert again.returncode == 6
    assert "lab1: error: shop: is at release 2, was at 1" in again.stderr


def test_a_plan_does_not_hold_when_a_container_or_a_file_changed(user):
    """Nothing is touched; the host and the container, or the file, are named."""
    ok(user.converge())
    path = user.folder / "plan.json"
    ok(user.run("plan", user.lab.inventory, user.folder / "site.yaml", "--out", path))
    gone = user.lab.containers("lab2", "shop")[0]
    user.lab.exec("lab2", "docker", "rm", "--force", gone.id)
    user.write("0816", "key.txt")
    before = user.ids()
    done = user.run("converge", "--plan", path)
    assert user.ids() == before
    assert done.returncode == 6
    assert f"lab2: error: the container {gone.name} is gone" in done.stderr
    assert "key.txt: error: changed" in done.stderr


def test_a_saved_plan_holds_nothing_secret(user):
    """Neither the values nor a plain hash of them, of the files, or of what the hosts keep."""
    ok(user.run("converge", user.lab.inventory, user.folder / "site.yaml", env=PINS))
    path = user.folder / "plan.json"
    ok(
        user.run(
            "plan", user.lab.inventory, user.folder / "site.yaml", "-e", "tag=2", "--out", path, env=PINS
        )
    )
    text = path.read_text("utf-8")
    contents = ["4711", "0815", "2", PLAYBOOK, user.lab.inventory.read_text("utf-8")]
    kept = user.lab.exec("lab1", "cat", "/var/lib/deploytool/shop/compose.yaml")
    shas = [hashlib.sha256(content.encode()).hexdigest() for content in (*contents, kept)]
    specs = [user.lab.containers("lab1", "shop")[0].labels["deploytool.spec"].partition(":")[2]]
    assert not [sha for sha in (*shas, *specs) if sha[:32] in text]
    assert not [secret for secret in ("4711", "0815") if f'"{secret}"' in text]
