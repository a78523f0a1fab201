"""``--diff`` on real hosts: what is there is what was written, and nothing secret is printed."""

from __future__ import annotations

from tests.lab.user import ok

PLAYBOOK = """\
- name: Shop
  hosts: web
  services:
    web:
      image: "demo/web:{{ tag | default('1') }}"
      environment:
        GREETING: hello
        PASSWORD: "{{ password | default('hunter2') }}"
      secrets: [pin]
      init: true
      stop_grace_period: 1s
      deploy: {replicas: 3, update_config: {parallelism: 0, monitor: 0s}}
  secrets:
    pin: {content: "{{ pin | default('4711') }}"}
"""


def test_a_diff_names_what_changes_and_shows_no_secret(user):
    """Image, password and a secret's file: once for all hosts; plan and converge alike; no trace after."""
    first = ok(user.converge("--diff"))
    assert user.counts() == [1, 1, 1]
    assert "+    image: demo/web:1" in first.stdout

    files = (user.lab.inventory, user.folder / "site.yaml")
    newer = ("-e", "tag=2 password=correcthorse pin=0815", "--diff")
    ids = user.ids()
    plan = ok(user.run("plan", *files, *newer))
    assert user.ids() == ids
    assert plan.stdout.count("shop · lab1, lab2, lab3\n") == 1
    changed = [line for line in plan.stdout.splitlines() if line[:2] in ("- ", "+ ")]
    assert [line.split(":")[0] for line in changed] == [
        *("-    image", "+    image", "-      PASSWORD", "+      PASSWORD", "-    file", "+    file"),
    ]
    assert "-    image: demo/web:1" in changed
    assert "+    image: demo/web:2" in changed
    assert "content of pin: [masked " in plan.stdout

    done = ok(user.converge(*newer))
    back = ok(user.run("rollback", *files, "--check", "--diff"))
    assert "-    image: demo/web:2" in back.stdout
    for said in (first, plan, done, back):
        for secret in ("hunter2", "correcthorse", "4711", "0815"):
            assert secret not in said.stdout + said.stderr
    again = ok(user.converge(*newer))
    assert "compose.yaml" not in again.stdout


def test_an_edit_on_the_host_is_told(user):
    """One line that says so, on the host where it is."""
    ok(user.converge())
    path = "/var/lib/deploytool/shop/compose.yaml"
    user.lab.exec("lab2", "sed", "-i", "s/hello/bye/", path)
    done = ok(user.run("plan", user.lab.inventory, user.folder / "site.yaml", "--diff"))
    assert "shop · lab2\nnote: compose.yaml is not that of release 1 and will be replaced" in done.stdout
