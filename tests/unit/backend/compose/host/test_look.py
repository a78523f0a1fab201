"""The script that looks at a host, run on folders of this machine with a stand-in for Docker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploytool.backend.compose.documents import read_documents
from deploytool.backend.compose.parse import parse_engine
from deploytool.backend.compose.scripts import look_script, verb_script
from deploytool.errors import HostUnreachable
from tests.unit.backend.compose.host.fake_docker import FakeHost

FOLDERS = {
    "deploytool-ingress/lease": "run-1\n99\n{}\n",
    "deploytool-ingress/projects/shop/digest": "d1\n",
    "deploytool-ingress/projects/shop/offers.json": "[]\n",
    "shop/release.json": '{"number": 3}',
}


def test_a_lease_is_its_own_projects(tmp_path: Path) -> None:
    """Also that of the edge, whose folder has parts of other projects in it."""
    for name, text in FOLDERS.items():
        path = tmp_path / "deploytool" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\n", "utf-8")
    docker.chmod(0o755)
    said = subprocess.run(
        ["sh", "-c", look_script(), "deploytool", str(tmp_path / "deploytool")],
        env={"PATH": f"{docker.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    told = [json.loads(line) for line in said]
    leases = [(raw["project"], raw["lease"]) for raw in told if "lease" in raw]
    assert leases == [("deploytool-ingress", "run-1\n99\n{}")]
    assert {"ingress": "shop", "digest": "d1", "offers": "[]"} in told


# The engine knows the containers that the file `known` names, one a line.
DOCKER = r"""#!/bin/sh
cd "$(dirname "$0")" || exit
echo "$1" >>calls
case $1 in
  ps) cat known ;;
  inspect)
    shift 5
    for id in "$@"; do
      grep -qx "$id" known || { echo "Error: No such container: $id" >&2; exit 1; }
      echo "container $id"
    done
    ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    return tmp_path


def look(
    folder: Path, known: list[str], kept: list[str], root: str = "engine"
) -> tuple[list[str], list[str]]:
    """The containers found, and the commands of Docker: ``known`` to the engine, ``kept`` in a folder."""
    (folder / "known").write_text("".join(f"{one}\n" for one in known))
    (folder / "calls").write_text("")
    for one in kept:
        (folder / "engine" / "containers" / one).mkdir(parents=True, exist_ok=True)
    script = look_script().replace('look "$1"', 'containers "$1"')
    done = subprocess.run(
        ["sh", "-c", script, "look", f"{folder / root}" if root else ""],
        env={"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = [line.removeprefix("container ") for line in done.stdout.splitlines()]
    return found, (folder / "calls").read_text().split()


def test_whoever_may_read_the_engines_folder_need_not_ask_it_for_a_list(folder: Path) -> None:
    """One process of Docker instead of two."""
    assert look(folder, ["a", "b"], ["a", "b"]) == (["a", "b"], ["inspect"])


@pytest.mark.parametrize("kept", [["a", "b", "c"], ["c"]], ids=["more", "others"])
def test_the_folder_of_another_engine_is_not_believed(folder: Path, kept: list[str]) -> None:
    """Nor one in which something is left of a container that is gone."""
    assert look(folder, ["a", "b"], kept) == (["a", "b"], ["inspect", "ps", "inspect"])


@pytest.mark.parametrize("root", ["", "nowhere", "engine"], ids=["unknown", "not there", "empty"])
def test_where_the_folder_says_nothing_the_engine_is_asked(folder: Path, root: str) -> None:
    """Nobody is taken for absent because a folder cannot be read."""
    (folder / "engine" / "containers").mkdir(parents=True)
    assert look(folder, ["a"], [], root) == (["a"], ["ps", "inspect"])
    assert look(folder, [], [], root) == ([], ["ps"])


# --- a whole look ----------------------------------------------------------------------------------------


def test_a_host_without_docker_is_not_set_up(fake: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else can be said of it."""
    programs = fake.plugins.parent / "programs"
    programs.mkdir()
    for name in ("sh", "sed", "awk"):
        (programs / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(HostUnreachable, match="docker is not installed") as caught:
        fake.engine.observe()
    assert caught.value.setup


@pytest.mark.parametrize(
    ("pattern", "errors", "message"),
    [
        ("'docker info'*", "Cannot connect to the Docker daemon", "the Docker engine does not answer"),
        ("'docker ps'*", "Cannot connect to the Docker daemon", "the Docker engine does not answer"),
        ("'docker ps'*", "permission denied while trying to connect", "no permission to use Docker"),
        (
            "'docker inspect'*",
            'template: :1:14: executing "" at <.State>: map has no entry',
            'its containers cannot be read: template: :1:14: executing "" at <.State>: map has no entry',
        ),
        (
            "'docker inspect'*",
            "Cannot connect to the Docker daemon",
            "its containers cannot be read: Cannot connect to the Docker daemon",
        ),
    ],
)
def test_unknown_is_not_absent(fake: FakeHost, pattern: str, errors: str, message: str) -> None:
    """A host of which not all can be seen is not one without containers."""
    fake.run("web")
    fake.answer(pattern, errors=errors, code=1)
    with pytest.raises(HostUnreachable) as caught:
        fake.engine.observe()
    assert caught.value.message == message


def test_containers_that_go_away_meanwhile_are_absent(fake: FakeHost) -> None:
    """That is no fault of the host."""
    fake.run("web", "db")
    there = json.dumps({"container": {"id": "c1", "name": "/x", "state": "running"}})
    fake.answer("'docker inspect'*", said=there, errors="Error: No such container: c2", code=1)
    assert [one.id for one in fake.engine.observe().containers] == ["c1"]


@pytest.mark.parametrize("version", ["", '""', '"not 2"'])
def test_a_host_without_compose_is_not_set_up(fake: FakeHost, version: str) -> None:
    """Or with one that does not say which it is."""
    compose = f"compose {version}\n" if version else ""
    fake.answer("'docker info'*", said=f'{compose}facts {{"cpus":2}}\nroot /nowhere')
    with pytest.raises(HostUnreachable, match="Compose plugin") as caught:
        fake.engine.observe()
    assert caught.value.setup


def test_a_damaged_file_costs_what_it_says(fake: FakeHost) -> None:
    """Whatever is in it; the other projects are read."""
    for name in ("bad", "good"):
        (fake.root / name / "releases" / "7").mkdir(parents=True)
        (fake.root / name / "lease").write_text("run\n1800000000\n{}\n")
        (fake.root / name / "others").write_text("h2\nh3\n")
        (fake.root / name / "release.json").write_text('{"number": 7, "digest": "d"}')
    (fake.root / "bad" / "release.json").write_bytes(b'{"number": 7,\n "dig\xff\x00\x01"')
    (fake.root / "bad" / "lease").write_text('"\\\n\n')
    projects = fake.engine.observe().projects
    assert (projects["bad"].release, projects["bad"].lease, projects["bad"].latest) == (None, None, 7)
    assert projects["bad"].possible_holders == ("h2", "h3")
    good = projects["good"]
    assert good.release and good.lease
    assert (good.release.number, good.lease.expires_s) == (7, 1_800_000_000)


def test_what_the_engine_says_of_itself_is_kept_where_it_was_asked(fake: FakeHost, tmp_path: Path) -> None:
    """Under a key that changes with the engine's start: four lines, a run that writes leaves them."""
    script = verb_script("prepare").replace("/run/docker.pid", str(tmp_path / "pid"))
    look = look_script().replace("/run/docker.pid", str(tmp_path / "pid"))
    (tmp_path / "pid").write_text("1")

    def run(script: str, *words: str) -> list[str]:
        fake.calls()
        result = fake.engine.transport.run(["sh", "-c", script, "deploytool", *words])
        assert b'"docker":"26"' in result.stdout, result
        return [call for call in fake.calls() if call == "info"]

    assert run(look, str(fake.root)) == ["info"]
    words = ["--root", str(fake.root), "--project", "shop", "--owner", "run", "--ttl", "60", "--about", "{}"]
    words += ["--ingress", "deploytool-ingress", "--task", "0"]
    fake.replace("tar", "cat >/dev/null; echo 'services: {}' >.stage/compose.yaml")
    assert run(script, *words) == ["info"]
    key, *facts = (fake.root / ".facts").read_text().splitlines()
    assert str(tmp_path / "pid") in key
    assert [line.split()[0] for line in facts] == ["compose", "facts", "root"]
    assert run(look, str(fake.root)) == []
    os.utime(tmp_path / "pid", (1, 1))
    assert run(look, str(fake.root)) == ["info"]


def test_what_the_last_look_said_need_not_be_asked_again(fake: FakeHost, tmp_path: Path) -> None:
    """The next verb that writes brings it along, and it is kept."""
    pid = str(tmp_path / "pid")
    (tmp_path / "pid").write_text("1")
    look = look_script().replace("/run/docker.pid", pid)
    result = fake.engine.transport.run(["sh", "-c", look, "deploytool", str(fake.root)])
    known = parse_engine(read_documents(result.stdout))
    words = ["--root", str(fake.root), "--project", "shop", "--owner", "run", "--ttl", "60", "--about", "{}"]
    words += ["--task", "0", *(word for name, value in known.items() for word in (f"--{name}", value))]
    fake.replace("tar", "cat >/dev/null; echo 'services: {}' >.stage/compose.yaml")
    fake.calls()
    script = verb_script("prepare").replace("/run/docker.pid", pid)
    result = fake.engine.transport.run(["sh", "-c", script, "deploytool", *words])
    assert b'"docker":"26"' in result.stdout
    assert "info" not in fake.calls()
    assert (fake.root / ".facts").read_text().splitlines()[0] == known["known_key"]
