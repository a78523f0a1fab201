"""Releases and leases on real hosts: back, forward, by hand and by itself."""

from __future__ import annotations

from tests.lab.user import WEB, User, fails, ok

TAGS = "{{.Repository}}:{{.Tag}}"


PLAYBOOK = WEB


def images(user: User) -> set[str]:
    return {c.image for host in user.lab.hosts for c in user.lab.containers(host, "shop")}


def test_history_and_rollback(user):
    """Two releases, back to the first, and forward again by rolling the rollback back."""
    site = user.folder / "site.yaml"
    ok(user.converge("-e", "count=3"))
    ok(user.converge("-e", "count=3", "-e", "tag=2"))
    table = ok(user.run("history", user.lab.inventory, site)).stdout
    assert "2*" in table
    assert "web 3 on 3" in table
    done = ok(user.run("rollback", user.lab.inventory, site))
    assert images(user) == {"demo/web:1"}
    assert "demo/web:2 → demo/web:1" in done.stdout
    assert "Nothing to do." in ok(user.converge("-e", "count=3")).stdout, "it is what it was, to the spec"
    ok(user.run("rollback", user.lab.inventory, site))
    assert images(user) == {"demo/web:2"}


def test_images_that_no_release_needs_are_removed(user):
    """Other tags of the project's image; what a kept release needs stays, and so does another repository."""
    lab = user.lab
    for name in ("demo/web:unused", "other/web:1"):
        lab.exec("lab1", "docker", "tag", "demo/web:1", name)
    try:
        ok(user.converge("-e", "count=1"))
        done = ok(user.converge("-e", "count=1", "-e", "tag=2", "--keep-releases", "1", "--prune-images"))
        left = set(lab.exec("lab1", "docker", "image", "ls", "--format", TAGS).split())
        assert left >= {"demo/web:2", "other/web:1"}  # and what other tests gave the host
        assert not left & {"demo/web:1", "demo/web:unused"}
        assert "lab1: removed 2 images: demo/web:1, demo/web:unused" in done.stderr
    finally:
        lab.exec("lab1", "docker", "tag", "other/web:1", "demo/web:1")
        lab.exec("lab1", "docker", "image", "rm", "other/web:1")


def test_a_failed_update_rolls_itself_back(user):
    """failure_action: rollback: exit 5, the old version everywhere, and the report says so."""
    careful = WEB.replace("order: start-first", "order: start-first, failure_action: rollback")
    user.write(careful)
    ok(user.converge("-e", "count=3"))
    before = set().union(*user.ids().values())
    sick = careful.replace("127.0.0.1:8080", "127.0.0.1:1").replace("10s", "0s")
    user.write(sick.replace("interval: 30s", "interval: 1s"))
    done = user.converge("-e", "count=3")
    assert set().union(*user.ids().values()) == before
    fails(done, 5, "rolled back to release 1", "is unhealthy")
    user.write(careful)
    assert "Nothing to do." in ok(user.converge("-e", "count=3")).stdout


def test_a_lease_taken_by_hand_keeps_others_away(user):
    """Exit 7 with who and why; --lock-wait does not wait for a person; release gives it back."""
    arguments = (user.lab.inventory, user.folder / "site.yaml")
    ok(user.run("lock", "acquire", *arguments, "-m", "moving the database"))
    done = user.converge("--lock-wait", "60s")
    assert user.counts() == [0, 0, 0]
    fails(done, 7, "moving the database", "deploytool lock release")
    assert "moving the database" in ok(user.run("lock", "status", *arguments)).stdout
    assert "released" in ok(user.run("lock", "release", *arguments)).stdout
    assert "No lease is held." in ok(user.run("lock", "status", *arguments)).stdout
    ok(user.converge("-e", "count=1"))
