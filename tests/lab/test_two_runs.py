"""Runs that meet, and runs that end early: signals, kill -9, leases of real length."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.lab.proof import REPLICAS, SHOP, Update, a_step, eventually, leftovers, replicas, settles, updating
from tests.lab.user import User, fails, ok

NEW = ("-e", "tag=2")
PLAYBOOK = SHOP
LEASE_S = 60
pytestmark = pytest.mark.proof


@pytest.fixture
def user(user: User) -> User:
    """Six replicas of version 1 on three hosts."""
    ok(user.converge())
    return user


def started(update: Update) -> int:
    return len(update.named("StepStarted"))


def interrupted(event: dict) -> bool:
    return event["event"] == "Note" and event["message"].startswith("interrupted")


# --- signals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_lets_what_is_under_way_finish(user, signum):
    """No step begins afterwards, the leases are given back, 130, and the history says so."""
    with updating(user, *NEW) as update:
        assert update.until(a_step("start", done=False))
        update.process.send_signal(signum)
        assert update.until(interrupted)
        before = started(update)
        assert update.end() == 130
    assert started(update) == before
    done = update.named("StepDone") + update.named("StepFailed")
    assert len(done) == before, "each step that began has ended"
    assert leftovers(user) == []
    assert len([c for c in replicas(user) if c.running]) >= REPLICAS
    table = ok(user.run("history", user.lab.inventory, user.folder / "site.yaml")).stdout
    assert "interrupted" in table
    settles(user)


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_ends_it_at_once(user, second):
    """Within a second, with 130; the next run takes over without waiting for the lease."""
    with updating(user, *NEW) as update:
        assert update.until(a_step("start", done=False))
        update.process.send_signal(signal.SIGTERM)
        assert update.until(interrupted)
        begun = time.monotonic()
        update.process.send_signal(second)
        assert update.end() == 130
        seconds = time.monotonic() - begun
    assert seconds < 3
    assert "ended at once" in update.errors
    settles(user)


# --- two runs --------------------------------------------------------------------------------------------


def at_once(user: User, *more: str, runs: int = 2) -> list[subprocess.CompletedProcess[str]]:
    """The same converge, started so many times together."""
    command = [sys.executable, "-m", "deploytool", "converge", user.lab.inventory, "site.yaml", *NEW, *more]
    together = [
        subprocess.Popen(
            list(map(str, command)),
            cwd=user.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(runs)
    ]
    ended = [(run, *run.communicate(timeout=240)) for run in together]
    return [subprocess.CompletedProcess(run.args, run.returncode, out, err) for run, out, err in ended]


def test_of_two_that_start_together_one_works_and_the_other_names_it(user):
    """One ends with 0; the other with 7 and the holder, or with 0 where it came when all was done."""
    first, second = sorted(at_once(user), key=lambda done: done.returncode)
    ok(first)
    fails(second, 7, "held by", "(converge)", "--lock-wait")
    settles(user)


def test_with_lock_wait_the_other_waits_and_finds_nothing_to_do(user):
    """Three together: all end with 0, and nothing was done twice."""
    done = [ok(one) for one in at_once(user, "--lock-wait", "3m", runs=3)]
    assert sum("waiting for the lease on" in one.stderr for one in done) >= 1
    said = [one.stdout.splitlines()[-1] for one in done]
    assert sum(line.startswith("Converged:") for line in said) == 1, said
    assert all(line.startswith(("Converged:", "Another run did it", "Nothing to do.")) for line in said)
    settles(user)


# --- kill -9 ---------------------------------------------------------------------------------------------


def elsewhere(user: User) -> Update:
    """An update that runs as on another machine: nobody here can see whether its process lives."""
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command += [
        sys.executable,
        "-m",
        "deploytool",
        "converge",
        user.lab.inventory,
        "site.yaml",
        "-o",
        "jsonl",
    ]
    process = subprocess.Popen(
        [*map(str, command), *NEW],
        cwd=user.folder,
        env={**os.environ, "CI_JOB_URL": "https://ci.example.com/job/7"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return Update(process)


def test_a_run_that_was_killed_elsewhere_is_taken_over_when_its_lease_has_expired(user):
    """Until then 7, the holder and the address of its job; a minute after its death it goes on."""
    update = elsewhere(user)
    with update.process:
        assert update.until(a_step("start"))
        update.process.kill()
    begun = time.monotonic()
    fails(user.converge(*NEW), 7, "held by", "https://ci.example.com/job/7", "--lock-wait")
    done = ok(user.converge(*NEW, "--lock-wait", "2m"))
    seconds = time.monotonic() - begun
    print(f"taken over and converged {seconds:.0f} s after the kill")
    assert "waiting for the lease on" in done.stderr
    assert seconds < LEASE_S + 30, "what the update itself takes comes on top of the lease"
    settles(user)


# --- by hand ---------------------------------------------------------------------------------------------


def test_a_lease_by_hand_and_a_run_respect_each_other(user):
    """Acquiring while a run works is refused and takes nothing; a second time is refused as well."""
    arguments = (user.lab.inventory, user.folder / "site.yaml")
    with updating(user, *NEW) as update:
        assert update.until(a_step("start", done=False))
        fails(user.run("lock", "acquire", *arguments, "-m", "me first"), 7, "the lease is held")
        assert update.end() == 0
    assert "No lease is held." in ok(user.run("lock", "status", *arguments)).stdout
    ok(user.run("lock", "acquire", *arguments, "-m", "maintenance"))
    fails(user.run("lock", "acquire", *arguments, "-m", "me too"), 7, "the lease is held")
    status = ok(user.run("lock", "status", *arguments)).stdout
    assert status.count("maintenance") == len(user.lab.hosts)
    assert "me too" not in status
    fails(user.run("rollback", *arguments), 7, "maintenance")
    ok(user.run("lock", "release", *arguments))
    settles(user)
    eventually(lambda: leftovers(user) == [])
