"""The verbs record, unlock and prune: what a host remembers, and for how long."""

from __future__ import annotations

import json

from deploytool.backend.base import Attempt
from deploytool.model.desired import HostFiles, Manifest
from deploytool.model.intent import File
from deploytool.model.release import Release
from tests.unit.backend.compose.host.fake_docker import MINE, FakeHost, prepare, record


def on_record(fake: FakeHost) -> list[int]:
    return sorted(int(path.name) for path in (fake.folder / "releases").iterdir())


def attempt(fake: FakeHost, number: int) -> None:
    assert fake.engine.lock("shop", MINE).ok
    assert fake.engine.unlock("shop", MINE, Attempt(Release(number, "d", outcome="failed"))).ok


def test_a_release_is_on_record_with_its_definition(fake: FakeHost) -> None:
    """And is the current one."""
    fake.done(record(7))
    folder = fake.folder / "releases" / "7"
    assert (folder / "compose.yaml").read_text() == (fake.folder / "compose.yaml").read_text()
    assert (folder / "release.json").read_text() == (fake.folder / "release.json").read_text()
    assert json.loads((fake.folder / "release.json").read_text())["number"] == 7
    assert not (fake.folder / "lease").exists()
    assert not (fake.folder / ".stage").exists()


def test_a_host_keeps_the_newest_releases_and_as_many_attempts(fake: FakeHost) -> None:
    """The current one always; which ones go is told, not found out there."""
    fake.engine.keep_releases = 2
    fake.engine.observe()
    for number in (1, 2, 3):
        fake.done(record(number))
    assert on_record(fake) == [2, 3]
    for number in (4, 5, 6):
        attempt(fake, number)
        fake.engine.observe()
    assert on_record(fake) == [2, 3, 5, 6]
    fake.done(record(7))
    assert on_record(fake) == [3, 5, 6, 7]


def test_an_engine_that_did_not_look_drops_nothing(fake: FakeHost) -> None:
    """What is not known is not removed."""
    fake.engine.keep_releases = 1
    for number in (1, 2):
        path = fake.folder / "releases" / str(number) / "compose.yaml"
        path.parent.mkdir(parents=True)
        path.write_text("services: {}\n")
    fake.done(record(3))
    assert on_record(fake) == [1, 2, 3]
    fake.done(record(4))
    assert on_record(fake) == [4]


def test_files_go_with_the_last_release_that_mentions_them(fake: FakeHost) -> None:
    """And not before."""
    fake.engine.keep_releases = 1
    for number, sha in ((1, "aaa"), (2, "bbb")):
        file = File(f"files/{sha}/app.conf", b"x", 0o644)
        text = f"services: {{web: {{volumes: ['./files/{sha}/app.conf:/app.conf']}}}}\n"
        fake.done(record(number, HostFiles(Manifest(text), files=(file,))))
    assert [path.name for path in (fake.folder / "files").iterdir()] == ["bbb"]


def test_a_record_that_cannot_be_written_says_so(fake: FakeHost) -> None:
    """The lease stays, so that nobody takes the host for finished."""
    fake.done(prepare())
    (fake.folder / "releases").write_text("in the way")
    (outcome,) = fake.do(record())
    assert outcome.reason.startswith("the release cannot be recorded: ")
    assert "KiB are free on " in outcome.reason
    assert (fake.folder / "lease").exists()
    assert not (fake.folder / "release.json").exists()


def test_a_definition_that_cannot_be_put_in_place_is_no_release(fake: FakeHost) -> None:
    """Nothing is recorded of what is not there."""
    fake.replace("cp", "exit 1")
    (outcome,) = fake.do(record())
    assert outcome.reason.startswith("the release cannot be recorded: ")
    assert not (fake.folder / "releases").exists()


def test_an_attempt_that_cannot_be_recorded_still_gives_the_lease_back(fake: FakeHost) -> None:
    """It is said, and the next run need not wait."""
    assert fake.engine.lock("shop", MINE).ok
    (fake.folder / "releases").write_text("in the way")
    outcome = fake.engine.unlock("shop", MINE, Attempt(Release(1, "d", outcome="failed")))
    assert outcome.reason.startswith("how it ended cannot be recorded: ")
    assert not (fake.folder / "lease").exists()
    assert not (fake.folder / ".attempt").exists()


def test_a_host_with_nothing_left_loses_its_networks(fake: FakeHost) -> None:
    """And its definition; a network that is in use by others is left."""
    fake.done(record(1))
    fake.answer("'docker network ls'*", said="n1\nn2")
    fake.answer("'docker network rm n1'", errors="has active endpoints", code=1)
    fake.calls()
    fake.done(record(2, HostFiles(None)))
    assert not (fake.folder / "compose.yaml").exists()
    assert not (fake.folder / "releases" / "2" / "compose.yaml").exists()


# --- images ----------------------------------------------------------------------------------------------

IMAGES = "sha256:1 demo/web 1\nsha256:2 demo/web 2\nsha256:3 other/web 1\nsha256:4 demo/web <none>"


def test_images_that_nothing_needs_go(fake: FakeHost) -> None:
    """Of this project's repositories only; what a container was made from is kept by Docker itself."""
    fake.done(record())
    fake.answer("*'config --images'", said="docker.io/demo/web:2")
    fake.answer("*'image inspect'*", said="sha256:2")
    fake.answer("'docker image ls'*", said=IMAGES)
    fake.answer("'docker image rm sha256:4'", errors="image is being used", code=1)
    fake.answer("'docker image rm'*", said="Untagged")
    outcome, gone = fake.engine.prune("shop", MINE)
    assert (outcome.ok, gone) == (True, ["demo/web:1"])


def test_where_a_definition_cannot_be_read_no_image_goes(fake: FakeHost) -> None:
    """It may need any of them."""
    fake.done(record())
    fake.answer("*'config --images'", errors="yaml: line 1: did not find", code=15)
    fake.calls()
    outcome, gone = fake.engine.prune("shop", MINE)
    assert outcome.reason == "what its releases need cannot be read, so no image was removed"
    assert gone == []
    assert "ls" not in fake.calls()


def test_images_of_releases_that_went_are_remembered_until_they_go(fake: FakeHost) -> None:
    """Also where no release names their repository any more."""
    fake.engine.keep_releases = 1
    fake.answer("*'releases/1/compose.yaml config --images'", said="demo/old:1")
    fake.done(record(1))
    fake.done(record(2))
    assert (fake.folder / ".retired").read_text() == "demo/old\n"
    fake.answer("'docker image ls'*", said="sha256:9 demo/old 1")
    _, gone = fake.engine.prune("shop", MINE)
    assert gone == ["demo/old:1"]
    assert not (fake.folder / ".retired").exists()
