"""The script that changes a host, run here with a stand-in for Docker that tells what was asked of it.

Each process of Docker's command line costs a host about 20 ms of its processor, so their number is a promise:
of each verb, and whatever the number of services and replicas.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.backend.base import LeaseClaim, Task
from deploytool.backend.compose.engine import ComposeEngine
from deploytool.model.desired import HostFiles, Manifest
from deploytool.model.inventory import Connection
from deploytool.model.plan import Gate, GateGoal, Ref, Step, StepKind
from deploytool.model.release import Lease, Release
from deploytool.transport.local import LocalTransport

HOLD = LeaseClaim(Lease(owner="run", who="tester"))
FILES = HostFiles(Manifest("services: {}\n"))
SPEC = "1:abc"
SERVICES = ("db", "web", "worker")
# Containers are lines of the file `list`: ID SERVICE SPEC STATUS. They are healthy once the engine told so.
DOCKER = r"""#!/bin/sh
cd "$(dirname "$0")" || exit
[ "$1" != image ] || shift
echo "${0##*/} $1" >>calls
case "${0##*/} $1" in
  'docker ps') case "$*" in *Label*) cat list ;; *) cut -d ' ' -f 1 list ;; esac ;;
  'docker inspect')
    [ -e told ] && health=healthy || health=starting
    case "$*" in *RestartCount*) sed "s|^\([^ ]*\) .*|\1 running $health 0 0 false /\1|" list ;; esac
    ;;
  'docker events')
    : >told
    sed 's/.*/health_status: healthy/' list
    exec sleep 60
    ;;
  'docker info')
    echo 'compose "v2.26.1"'
    echo 'facts {"node_id":"n","os":"linux","arch":"x","cpus":2,"memory_bytes":4,"labels":[],"docker":"26"}'
    ;;
  'docker rm') : >list ;;
  'docker-compose -p')
    case "$*" in *' up '*) ;; *) exit 0 ;; esac
    while [ $# -gt 0 ]; do
      [ "$1" != --scale ] || printf '%s 1:abc\n' "${2%=3}" "${2%=3}" "${2%=3}"
      shift
    done | awk '{ printf "%064d %s Up 1 second (health: starting)\n", NR, $0 }' >list
    ;;
esac
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the stand-in, in front of what this machine has."""
    folder = tmp_path / "cli-plugins"
    folder.mkdir()
    for name in ("docker", "docker-compose"):
        (folder / name).write_text(DOCKER)
        (folder / name).chmod(0o755)
    (folder / "list").touch()
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def engine(tmp_path: Path) -> ComposeEngine:
    here = LocalTransport("h1", Connection("localhost", kind="local"))
    return ComposeEngine("h1", here, str(tmp_path / "d"))


def asked(fake: Path) -> list[str]:
    """What Docker was asked for since the last time."""
    calls = (fake / "calls").read_text().splitlines()
    (fake / "calls").unlink()
    return [call.removeprefix("docker ").replace("docker-compose -p", "compose") for call in calls]


def do(engine: ComposeEngine, *tasks: Task) -> None:
    assert [outcome.reason for outcome in engine.perform(tasks, HOLD)] == [""] * len(tasks)


def prepare() -> Task:
    images = tuple(("missing", f"demo/{name}:1") for name in SERVICES)
    return Task(Step("", StepKind.PREPARE, "h1", "shop", ""), FILES, images=images)


def start(service: str) -> Task:
    gate = Gate(GateGoal.READY, 20, 0)
    return Task(Step("", StepKind.START, "h1", "shop", "", service, 3, total=3, gate=gate), spec=SPEC)


def record() -> Task:
    release = Release(1, "digest", play="site.yaml", placements={"web": {"h1": 3}})
    return Task(Step("", StepKind.RECORD, "h1", "shop", ""), FILES, release)


def test_a_first_start_asks_docker_as_little_as_it_can(engine: ComposeEngine, fake: Path) -> None:
    """Nine replicas of three services: one question for all of them, and none while nothing happens.

    What the engine says of itself is asked anew only where nobody can tell whether it was started anew.
    """
    engine.observe()
    assert sorted(asked(fake)) == ["info", "ps"]
    do(engine, prepare())
    assert [call for call in asked(fake) if call != "info"] == ["compose", "inspect", "ps"]
    do(engine, *map(start, SERVICES))
    first, second, third, fourth, *more = asked(fake)
    assert [first, second, third, fourth] == ["ps", "compose", "ps", "events"]
    assert set(more) == {"inspect"} and len(more) <= 2  # one, unless this machine is very slow
    do(engine, record())
    assert [call for call in asked(fake) if call != "info"] == ["ps", "inspect"]


def test_a_definition_that_is_in_place_is_not_checked_again(engine: ComposeEngine, fake: Path) -> None:
    """It was when it came; another one is."""
    do(engine, prepare())
    do(engine, start("web"))
    asked(fake)
    do(engine, prepare())
    assert "compose" not in asked(fake)
    do(engine, Task(prepare().step, HostFiles(Manifest("services: {a: {}}\n"))))
    assert "compose" in asked(fake)


def test_stopping_asks_what_is_left_only_where_it_failed(engine: ComposeEngine, fake: Path) -> None:
    """What Docker says is removed is removed, however many services and replicas."""
    do(engine, prepare())
    do(engine, *map(start, SERVICES))
    ids = [line.split()[0] for line in (fake / "list").read_text().splitlines()]
    asked(fake)
    step = Step("", StepKind.STOP, "h1", "shop", "", "web", 3, containers=tuple(Ref(i, i) for i in ids[3:6]))
    do(engine, Task(step))
    assert asked(fake) == ["stop", "rm"]


def test_the_engines_events_end_with_the_wait(engine: ComposeEngine, fake: Path) -> None:
    """Neither a process nor a file of it is left behind."""
    do(engine, prepare())
    do(engine, start("web"))
    left = [path.name for path in (fake.parent / "d" / "shop").iterdir()]
    assert not [name for name in left if name.startswith(".news")]
