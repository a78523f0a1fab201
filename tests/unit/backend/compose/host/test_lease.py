"""The lease and the flock of a project on a host."""

from __future__ import annotations

import fcntl
import json
import time
from dataclasses import replace

import pytest

from deploytool.backend.base import LeaseClaim
from deploytool.backend.compose.scripts import verb_script
from deploytool.model.release import Lease
from tests.unit.backend.compose.host.fake_docker import (
    MINE,
    THEIRS,
    FakeHost,
    prepare,
    record,
    start,
    stop,
)


def test_the_lease_has_three_lines(fake: FakeHost) -> None:
    """Owner, expiry, JSON for people: an older deploytool reads it, too."""
    before = int(time.time())
    assert fake.engine.lock("shop", MINE).ok
    owner, expires, people = (fake.folder / "lease").read_text().splitlines()
    assert owner == "run"
    assert before + 60 <= int(expires) <= before + 70
    assert json.loads(people)["who"] == "tester"


def test_a_lease_of_another_run_is_respected_and_named(fake: FakeHost) -> None:
    """By a verb that takes it, and by one that needs it; it says whose it is."""
    assert fake.engine.lock("shop", THEIRS).ok
    (outcome,) = fake.do(prepare())
    assert (outcome.reason, outcome.lease_conflict and outcome.lease_conflict.who) == (
        "the lease is held",
        "somebody",
    )
    (outcome,) = fake.do(stop("web", "1"))
    assert (outcome.reason, outcome.lease_conflict and outcome.lease_conflict.who) == (
        "the lease was lost",
        "somebody",
    )
    assert fake.calls() == []


def test_an_expired_lease_is_free(fake: FakeHost) -> None:
    """By the host's own clock."""
    assert fake.engine.lock("shop", replace(THEIRS, ttl_s=-1)).ok
    assert fake.engine.lock("shop", MINE).ok


def test_the_lease_of_a_dead_run_may_be_taken(fake: FakeHost) -> None:
    """Where it is named."""
    assert fake.engine.lock("shop", THEIRS).ok
    assert fake.engine.lock("shop", replace(MINE, take_from="other")).ok
    assert fake.engine.observe().projects["shop"].lease == replace(
        Lease("run", "tester"), expires_s=fake.engine.observe().projects["shop"].lease.expires_s
    )


@pytest.mark.parametrize("text", ["", "other\n", "other\nsoon\n{}\n", "\n\n\n"])
def test_a_damaged_lease_is_nobodys(fake: FakeHost, text: str) -> None:
    """Otherwise a full disk would lock a project for ever."""
    fake.folder.mkdir(parents=True)
    (fake.folder / "lease").write_text(text)
    assert fake.engine.lock("shop", MINE).ok


def test_a_lease_that_is_gone_was_lost(fake: FakeHost) -> None:
    """Whoever took it away is not known."""
    (outcome,) = fake.do(stop("web", "1"))
    assert (outcome.reason, outcome.lease_conflict) == ("the lease was lost", None)


def test_a_lease_that_cannot_be_written_is_not_held(fake: FakeHost) -> None:
    """Nothing is done without it, and the room that is left is told."""
    fake.folder.mkdir(parents=True)
    (fake.folder / "lease.new").mkdir()
    (outcome,) = fake.do(prepare())
    assert outcome.reason.startswith("the lease cannot be written: ")
    assert "KiB are free on /" in outcome.reason
    assert not (fake.folder / ".stage").exists()


def test_a_folder_that_cannot_be_made_is_named_with_who_could_not(fake: FakeHost) -> None:
    """A file is in its place."""
    fake.root.write_text("")
    (outcome,) = fake.do(prepare())
    assert outcome.reason.startswith(f"{fake.folder} cannot be written by ")
    assert "Not a directory" in outcome.reason or "File exists" in outcome.reason


def test_what_an_interrupted_run_still_does_is_waited_for(fake: FakeHost) -> None:
    """And when it does not end, nothing is done, and it is said."""
    assert fake.engine.lock("shop", MINE).ok
    fake.replace("flock", "exit 1")
    (outcome,) = fake.do(start("web"))
    assert outcome.reason == "an interrupted run is still at work on this host"
    assert outcome.hint == "wait for it to end, then run again"
    assert fake.calls() == []


def test_a_verb_has_the_flock_to_itself(fake: FakeHost) -> None:
    """While it stops containers it has not, so that others can work meanwhile."""
    fake.done(prepare())
    fake.run("web")
    fake.replace("flocked", f"flock -n {fake.folder}/.lock true && echo free || echo taken")
    fake.answer("docker?stop*", said="")
    for command, name in (("stop", "while-stopping"), ("rm", "while-removing")):
        (fake.plugins / "rules").open("a").write("")
        fake.rules.insert(0, f"case $asked in 'docker {command}'*) ./flocked >{name} ;; esac\n")
    fake.answer("nothing")
    fake.done(stop("web", "1"))
    assert (fake.plugins / "while-stopping").read_text() == "free\n"
    assert (fake.plugins / "while-removing").read_text() == "taken\n"
    with (fake.folder / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_verb_beats_while_it_works_and_ends_where_the_lease_went(fake: FakeHost) -> None:
    """Its signs of life are on stderr; nothing that it began goes on when another run has the lease."""
    script = verb_script("start").replace("beat_s=5", "beat_s=0.2")
    assert "beat_s=0.2" in script
    fake.done(prepare())
    fake.answer("docker-compose*", said="")
    lease = fake.folder / "lease"
    # As often as the heartbeat may have read the lease before it was taken, and writes it after.
    take = f"printf 'other\\n99999999999\\n{{}}\\n' >{lease}.x; mv {lease}.x {lease}; sleep 0.3"
    steal = f"sleep 1; for turn in 1 2 3 4 5 6 7 8 9; do {take}; done"
    fake.rules.insert(0, f"case $asked in *' up '*) {steal} ;; esac\n")
    fake.answer("nothing")
    words = ["--root", str(fake.root), "--project", "shop", "--owner", "run", "--ttl", "60"]
    words += ["--about", "{}", "--task", "0", "--service", "web", "--total", "1", "--deadline", "20"]
    result = fake.engine.transport.run(["sh", "-c", script, "deploytool", *words], timeout_s=40)
    assert result.exit_code == 143, result
    assert result.stderr.count(b"beat\n") >= 2


def test_the_lease_is_given_back_by_whoever_has_it(fake: FakeHost) -> None:
    """Its staged files are removed with it; those of another run stay."""
    fake.done(prepare())
    assert fake.engine.unlock("shop", THEIRS).ok
    assert (fake.folder / "lease").exists()
    assert fake.engine.unlock("shop", MINE).ok
    left = {path.name for path in fake.folder.iterdir()}
    assert not left & {"lease", ".stage"}


def test_a_record_gives_the_lease_back(fake: FakeHost) -> None:
    """The next run need not wait."""
    fake.done(prepare())
    fake.done(record())
    assert fake.engine.lock("shop", LeaseClaim(Lease("next"))).ok
