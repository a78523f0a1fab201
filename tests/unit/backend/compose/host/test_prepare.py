"""The verb prepare: files and images, before anything changes; and what it says when it cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploytool.errors import HostUnreachable
from deploytool.model.desired import HostFiles, Manifest
from deploytool.model.intent import File, ProjectKind
from tests.unit.backend.compose.host.fake_docker import FILES, FakeHost, prepare, start


def test_files_wait_beside_the_current_ones(fake: FakeHost) -> None:
    """Until something is started."""
    shipped = File("files/abc/app.conf", b"x", 0o644)
    fake.done(prepare(files=HostFiles(Manifest("services: {}\n"), files=(shipped,))))
    assert (fake.folder / ".stage" / "compose.yaml").exists()
    assert (fake.folder / "files" / "abc" / "app.conf").read_bytes() == b"x"
    assert not (fake.folder / "compose.yaml").exists()
    fake.done(start("web"))
    assert (fake.folder / "compose.yaml").read_text() == "services: {}\n"


def test_a_tar_that_is_damaged_changes_nothing(fake: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that the disk has no room for."""
    fake.done(prepare())
    monkeypatch.setattr("deploytool.backend.compose.protocol.tar_of", lambda *given: b"\xff" * 2000)
    (outcome,) = fake.do(prepare())
    assert outcome.reason.startswith("the files cannot be written: ")
    assert "KiB are free on " in outcome.reason


def test_a_full_disk_is_told_with_the_room_that_is_left(fake: FakeHost) -> None:
    """tar fails there; nothing is half in place."""
    fake.replace("tar", "cat >/dev/null; echo 'No space left on device' >&2; exit 2")
    fake.replace("df", "echo header; echo '/dev/sda 100 100 12 100% /var lib'")
    (outcome,) = fake.do(prepare())
    assert outcome.reason == "the files cannot be written: 12 KiB are free on /var lib"


def test_a_definition_that_compose_refuses_is_not_kept(fake: FakeHost) -> None:
    """With Compose's own words, in one line."""
    said = 'validating compose.yaml:\n services.web Additional property "imge" is not allowed'
    fake.answer("*' config -q'", errors=said, code=15)
    (outcome,) = fake.do(prepare())
    assert outcome.reason == (
        "Docker Compose refuses the rendered file: validating compose.yaml:"
        ' services.web Additional property "imge" is not allowed'
    )
    assert not (fake.folder / ".stage").exists()


def test_what_a_program_says_is_cut(fake: FakeHost) -> None:
    """A sentence in a report has an end, and nothing that a terminal obeys."""
    fake.answer("*' config -q'", errors="\x1b[31mno\x1b[0m\a " + "x" * 5000, code=15)
    (outcome,) = fake.do(prepare())
    assert outcome.reason.startswith("Docker Compose refuses the rendered file: no xxx")
    assert len(outcome.reason) == 600


def test_an_image_that_is_missing_is_pulled_and_one_that_is_there_is_not(fake: FakeHost) -> None:
    """What is there is asked for once for all."""
    fake.done(prepare("demo/a:1", "demo/b:1"))
    assert fake.calls().count("inspect") == 1
    fake.answer("*'image inspect'*b:1*", errors="Error: No such image: demo/b:1", code=1)
    fake.done(prepare("demo/a:1", "demo/b:1"))
    assert fake.calls().count("pull") == 1


def test_an_image_is_pulled_again_where_the_policy_says_so(fake: FakeHost) -> None:
    """Without looking whether it is there."""
    fake.done(prepare("demo/a:1", "demo/b:1", pull="always"))
    assert fake.calls().count("pull") == 2


def test_an_image_that_may_not_be_pulled_is_named(fake: FakeHost) -> None:
    """With a way out."""
    fake.answer("*'image inspect'*", errors="Error: No such image", code=1)
    (outcome,) = fake.do(prepare("demo/a:1", pull="never"))
    assert outcome.reason == "image demo/a:1 is not on the host, and pull_policy is never"
    assert "another pull_policy" in outcome.hint
    assert "pull" not in fake.calls()


def test_a_pull_that_fails_says_why(fake: FakeHost) -> None:
    """In the registry's own words."""
    fake.answer("*'image inspect'*", code=1)
    fake.answer("'docker pull'*", errors='Error: manifest for "demo/a:1" unknown', code=1)
    (outcome,) = fake.do(prepare("demo/a:1"))
    assert outcome.reason == 'image demo/a:1 cannot be pulled: Error: manifest for "demo/a:1" unknown'
    assert "docker login" in outcome.hint


def test_an_engine_that_is_gone_is_not_taken_for_a_registry_that_refuses(fake: FakeHost) -> None:
    """What became of the verb is not known then."""
    fake.answer("*'image inspect'*", code=1)
    fake.answer("'docker pull'*", errors="Cannot connect to the Docker daemon", code=1)
    fake.answer("'docker version'*", code=1)
    with pytest.raises(HostUnreachable, match="the Docker engine does not answer"):
        fake.do(prepare("demo/a:1"))


def test_other_hosts_are_remembered_until_the_next_list(fake: FakeHost) -> None:
    """None that came means that there are none."""
    fake.done(replace(prepare(), possible_holders=("h2", "h3")))
    assert (fake.folder / "others").read_text() == "h2\nh3\n"
    fake.done(prepare())
    assert not (fake.folder / "others").exists()


def test_the_folders_of_the_proxies_are_there_before_they_start(fake: FakeHost) -> None:
    """Envoy watches them, and does not start without."""
    task = prepare(files=FILES)
    of_proxies = replace(task.step, project="deploytool-ingress")
    fake.done(replace(task, step=of_proxies, project_kind=ProjectKind.INGRESS))
    folder = fake.root / "deploytool-ingress"
    assert (folder / "xds" / "lds.json").read_text() == '{"resources":[]}\n'
    assert (folder / "run").is_dir()
    fake.done(prepare())
    assert not (fake.folder / "xds").exists()
