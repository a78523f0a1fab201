"""Down on real hosts: replicas, networks and folder go; volumes and others stay."""

from __future__ import annotations

from tests.lab.user import ok

PLAY = """\
- name: {name}
  hosts: lab1
  services:
    web:
      image: "demo/web:1"
      init: true
      volumes: ["data:/data"]
      deploy: {{update_config: {{monitor: 1s}}}}
  volumes: {{data: {{}}}}
"""


def test_down_leaves_volumes_and_nothing_else(user):
    """Of the project that is named, though its play is gone; the other one stays as it is."""
    user.write(PLAY.format(name="Shop") + PLAY.format(name="Blog"))
    ok(user.converge())
    user.write(PLAY.format(name="Blog"))
    assert "project shop runs on lab1" in ok(user.converge()).stdout
    blog = {c.id for c in user.lab.containers("lab1", "blog")}
    ok(user.run("down", user.lab.inventory, user.folder / "site.yaml", "--project", "shop"))
    assert user.lab.containers("lab1", "shop") == ()
    assert {c.id for c in user.lab.containers("lab1", "blog")} == blog
    assert "shop" not in user.lab.exec("lab1", "docker", "network", "ls")
    assert user.lab.exec("lab1", "ls", "/var/lib/deploytool").split() == ["blog"]
    assert "shop_data" in user.lab.exec("lab1", "docker", "volume", "ls", "-q")
    assert "Nothing to do." in ok(user.converge()).stdout
