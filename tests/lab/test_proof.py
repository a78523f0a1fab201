"""Updates on real hosts, with faults in the middle: what is promised, and what is seen from outside.

After each fault the report has to be true, and one more converge has to end as desired with nothing left
over. The long ones are marked ``proof``: ``make proof`` runs them all.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from deploytool.lab.commands import attempt
from tests.lab.labhosts import LabHosts
from tests.lab.proof import (
    REPLICAS,
    SHOP,
    SICK_AFTER_3_S,
    Update,
    a_step,
    eventually,
    replicas,
    settles,
    stopped_ids,
    under_load,
    updating,
)
from tests.lab.user import User, ok

VICTIM = "lab2"
NEW = ("-e", "tag=2")
PLAYBOOK = SHOP
# A lease that a dead run on another machine left is waited for; here it is known to be dead.
PATIENT = ("--lock-wait", "90s")
proof = pytest.mark.proof


@pytest.fixture
def user(user: User) -> User:
    """Six replicas of version 1 on three hosts."""
    ok(user.converge())
    return user


def tells_the_truth(user: User, update: Update, code: int) -> None:
    """It says 0 only where all is as desired, and nothing that it says it stopped is still there."""
    there = replicas(user)
    assert not stopped_ids(update) & {c.id for c in there}
    if code == 0:
        assert Counter((c.image, c.status) for c in there) == {("demo/web:2", "running"): REPLICAS}
    else:
        said = update.named("StepFailed") + [e for e in update.named("HostLooked") if e["reason"]]
        hosts = {e["step"]["host"] if e["event"] == "StepFailed" else e["host"] for e in said}
        assert VICTIM in hosts, update.events[-5:]


# --- (c) availability, from outside ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "least"), [("start-first", REPLICAS), pytest.param("stop-first", REPLICAS - 2, marks=proof)]
)
def test_an_update_never_leaves_fewer_replicas_than_promised(user, order, least):
    """Six replicas, two at a time, under constant load on every published port of every host."""
    ok(user.converge("-e", f"order={order}"))
    with under_load(user) as outside:
        eventually(lambda: len(outside.samples) >= 3)
        ok(user.converge(*NEW, "-e", f"order={order}"))
        after = len(outside.samples)
        eventually(lambda: len(outside.samples) >= after + 3)
    print(f"{order}: {len(outside.samples)} samples, {outside.requests} requests, "
          f"{min(outside.samples)} to {max(outside.samples)} replicas answered")  # fmt: skip
    assert min(outside.samples) >= least
    assert max(outside.samples) <= REPLICAS + 2
    assert Counter(c.image for c in replicas(user)) == {"demo/web:2": REPLICAS}


# --- (d) faults in the middle ----------------------------------------------------------------------------


@contextmanager
def frozen(lab: LabHosts) -> Iterator[None]:
    eventually(lambda: attempt(("docker", "pause", VICTIM)).exit_code == 0)  # a busy cgroup may resist
    yield
    lab.unpause(VICTIM)


@contextmanager
def killed(lab: LabHosts) -> Iterator[None]:
    lab.kill(VICTIM)
    yield
    lab.start(VICTIM)


@contextmanager
def cut_off_for_10_s(lab: LabHosts) -> Iterator[None]:
    """Packets vanish in silence, both ways, and come back by themselves."""
    cut = "iptables -I INPUT -i eth0 -j DROP; iptables -I OUTPUT -o eth0 -j DROP"
    mend = "iptables -D INPUT -i eth0 -j DROP; iptables -D OUTPUT -o eth0 -j DROP"
    lab.exec(VICTIM, "sh", "-ec", cut)
    timer = threading.Timer(10, lambda: lab.exec(VICTIM, "sh", "-ec", mend))
    timer.start()
    yield
    timer.join()


@contextmanager
def engine_restarted(lab: LabHosts) -> Iterator[None]:
    lab.exec(
        VICTIM, "sh", "-c", "pkill -9 -x dockerd; while pgrep -x dockerd; do sleep 0.1; done; lab-engine"
    )
    yield
    lab.exec(VICTIM, "timeout", "60", "sh", "-c", "until docker version; do sleep 0.2; done")


@contextmanager
def sshd_restarted(lab: LabHosts) -> Iterator[None]:
    """All connections are gone with it. The new one could not listen while the old one has the port."""
    lab.exec(VICTIM, "sh", "-c", "pkill -9 -x sshd; while pgrep -x sshd; do sleep 0.1; done; /usr/sbin/sshd")
    yield


@contextmanager
def disk_full(lab: LabHosts) -> Iterator[None]:
    lab.exec(VICTIM, "sh", "-c", "cat /dev/zero >/var/lib/deploytool/filler 2>/dev/null || :")
    yield
    lab.exec(VICTIM, "rm", "-f", "/var/lib/deploytool/filler")


FAULTS: dict[str, Callable[[LabHosts], object]] = {
    "frozen": frozen,
    "killed": killed,
    "cut off for 10 s": cut_off_for_10_s,
    "engine restarted": engine_restarted,
    "sshd restarted": sshd_restarted,
}
MOMENTS = {"as it begins": a_step("start", done=False), "after the first batch": a_step("start")}


@proof
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_host_that_fails_in_the_middle(user, fault, moment):
    """Any fault of one host, at the begin or between batches, is told, and is settled by the next run."""
    with updating(user, *NEW) as update:
        assert update.until(MOMENTS[moment])
        with FAULTS[fault](user.lab):
            code = update.end()
    print(f"{fault}, {moment}: exit {code}; {update.errors.strip()[-200:]}")
    tells_the_truth(user, update, code)
    settles(user, "2", *PATIENT)


@pytest.fixture
def small_disk(user: User) -> Iterator[None]:
    """The project's folder of one host is on a disk that is soon full."""
    folder = "/var/lib/deploytool"
    keep = (
        f"cp -a {folder} /tmp/kept && mount -t tmpfs -o size=1m tmpfs {folder} && cp -a /tmp/kept/. {folder}"
    )
    user.lab.exec(VICTIM, "sh", "-ec", keep)
    yield
    # For a few seconds a process may be there that has nothing to do any more: the sleep of a heartbeat.
    gone = f"until umount {folder} 2>/dev/null; do sleep 0.2; done; rm -rf {folder} /tmp/kept; mkdir {folder}"
    user.lab.exec(VICTIM, "timeout", "20", "sh", "-ec", gone)


@proof
@pytest.mark.parametrize("before", [True, False])
def test_a_full_disk(user, small_disk, before):
    """Before the first stop it changes nothing anywhere; in the middle it stops the update there."""
    ids = {c.id for c in replicas(user)}
    if before:
        with disk_full(user.lab), updating(user, *NEW) as update:
            code = update.end()
        assert {c.id for c in replicas(user)} == ids
    else:
        with updating(user, *NEW) as update:
            assert update.until(a_step("start"))
            with disk_full(user.lab):
                code = update.end()
    assert code == 5
    assert any("are free on" in e["reason"] for e in update.named("StepFailed")), update.events
    tells_the_truth(user, update, code)
    settles(user, "2", *PATIENT)


@proof
def test_an_image_that_one_host_lacks_changes_nothing(user):
    """Pulls come first everywhere: the host that cannot is named, and all replicas stay."""
    ids = {c.id for c in replicas(user)}
    user.lab.exec(VICTIM, "docker", "rmi", "demo/web:2")
    try:
        with updating(user, *NEW) as update:
            code = update.end()
        assert {c.id for c in replicas(user)} == ids
    finally:
        saved = subprocess.run(["docker", "save", "demo/web:2"], check=True, capture_output=True).stdout
        user.lab.exec(VICTIM, "docker", "load", stdin=saved)
    (failed,) = update.named("StepFailed")
    assert (code, failed["step"]["host"]) == (5, VICTIM)
    assert "demo/web:2" in failed["reason"]
    settles(user, "2", *PATIENT)


@pytest.mark.parametrize("action", ["pause", pytest.param("rollback", marks=proof)])
def test_a_replica_that_turns_unhealthy_after_3_s(user, action):
    """It was healthy once. The update stops, or goes back, before a single old one is gone."""
    ids = {c.id for c in replicas(user)}
    sick = (*NEW, "-e", "monitor=5s", "-e", f"action={action}", "-e", json.dumps(SICK_AFTER_3_S))
    with updating(user, *sick) as update:
        code = update.end()
    assert ids <= {c.id for c in replicas(user)}
    assert len(replicas(user)) == (REPLICAS + 2 if action == "pause" else REPLICAS)
    assert code == 5
    assert all("is unhealthy" in e["reason"] for e in update.named("StepFailed"))
    settles(user, "2", *PATIENT)


# The update takes twelve steps, or a few more where batches do not meet.
KILLS = {"5": (5,), "1 to 4": range(1, 5), "6 to 9": range(6, 10), "10 to 13": range(10, 14)}


def killed_after(user: User, number: int, *wanted: str) -> bool:
    """kill -9 when so many steps were done; False where the run ended before."""
    done: list[object] = []
    with updating(user, *wanted) as update:
        killed = update.until(
            lambda e: e["event"] == "StepDone" and not done.append(e) and len(done) == number
        )
    assert not stopped_ids(update) & {c.id for c in replicas(user)}
    return killed is not None


@pytest.mark.parametrize("numbers", [pytest.param(n, marks=() if n == "5" else proof) for n in KILLS])
@pytest.mark.parametrize("order", ["start-first", pytest.param("stop-first", marks=proof)])
def test_a_run_that_is_killed_between_two_steps(user, numbers, order):
    """kill -9; the next run takes over and finishes, with no orphan and nothing twice. Back and forth."""
    for number in KILLS[numbers]:
        tag = str(2 - (number - KILLS[numbers][0]) % 2)
        killed = killed_after(user, number, "-e", f"tag={tag}", "-e", f"order={order}")
        print(f"{order}: killed after {number} steps" if killed else f"{order}: ended before {number} steps")
        settles(user, tag, *PATIENT, "-e", f"order={order}")
