"""A stand-in for Docker and Compose, in front of what this machine has, and an engine on a folder here.

Containers are lines of the file ``list``: ID SERVICE SPEC STATUS. What a container is may be said in the file
``state`` instead of ``running,health:healthy,…``. A rule answers a command line instead of the stand-in.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from deploytool.backend.base import LeaseClaim, Outcome, Task
from deploytool.backend.compose.engine import ComposeEngine
from deploytool.model.desired import HostFiles, Manifest
from deploytool.model.inventory import Connection
from deploytool.model.plan import Gate, Ref, Step, StepKind
from deploytool.model.release import Lease, Release
from deploytool.transport.local import LocalTransport

MINE = LeaseClaim(Lease(owner="run", who="tester"))
THEIRS = LeaseClaim(Lease(owner="other", who="somebody"))
FILES = HostFiles(Manifest("services: {}\n"))
SPEC = "1:abc"

DOCKER = r"""#!/bin/sh
cd "$(dirname "$0")" || exit
asked="${0##*/} $*"
[ ! -e rules ] || . ./rules
[ "$1" != image ] || shift
echo "${0##*/} $1" >>calls
case "${0##*/} $1" in
  'docker ps') case "$*" in *Label*) cat list ;; *) cut -d ' ' -f 1 list ;; esac ;;
  'docker inspect')
    [ -e told ] && health=healthy || health=starting
    state="running,health:$health,exit:0,restarts:0,oom:false,"
    [ ! -e state ] || state=$(cat state)
    case "$*" in *RestartCount*) sed "s|^\([^ ]*\) \([^ ]*\) .*|\1 $state /shop-\2-1|" list ;; esac
    ;;
  'docker events')
    case "$*" in *exitCode*) echo 7; exit ;; esac
    : >told
    sed 's/.*/health_status: healthy/' list
    exec sleep 60
    ;;
  'docker info')
    echo 'compose "v2.26.1"'
    echo 'facts {"node_id":"n","os":"linux","arch":"x","cpus":2,"memory_bytes":4,"labels":[],"docker":"26"}'
    echo 'root /nowhere'
    ;;
  'docker rm') : >list ;;
  'docker-compose -p')
    case "$*" in *' up '*) ;; *) exit 0 ;; esac
    while [ $# -gt 0 ]; do
      case $1 in --scale)
        number=${2#*=}
        while [ "$number" -gt 0 ]; do echo "${2%=*} 1:abc"; number=$((number - 1)); done
        ;;
      esac
      shift
    done | awk '{ printf "%064d %s Up 1 second (health: starting)\n", NR, $0 }' >list
    ;;
esac
"""


@dataclass(slots=True)
class FakeHost:
    """This machine as a host. ``plugins`` is the folder of the stand-in, ``root`` deploytool's."""

    plugins: Path
    root: Path
    engine: ComposeEngine
    rules: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The folder of the project."""
        return self.root / "shop"

    def answer(self, pattern: str, *, said: str = "", errors: str = "", code: int = 0) -> None:
        """Answer command lines that fit a shell pattern, such as ``docker pull*``, so from now on."""
        out, err = (f"printf '%s\\n' {shlex.quote(text)}" if text else ":" for text in (said, errors))
        self.rules.append(f"case $asked in {pattern}) {out}; {err} >&2; exit {code} ;; esac\n")
        (self.plugins / "rules").write_text("".join(self.rules))

    def replace(self, program: str, text: str) -> None:
        """A stand-in for another program of the host."""
        path = self.plugins / program
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, *services: str) -> None:
        """Containers of these services, one each, as they are after a start."""
        lines = (
            f"{number:064d} {service} {SPEC} Up 1 second (health: starting)\n"
            for number, service in enumerate(services, 1)
        )
        (self.plugins / "list").write_text("".join(lines))

    def state(self, text: str) -> None:
        """The answer of ``docker inspect`` about all containers."""
        (self.plugins / "state").write_text(text)

    def calls(self) -> list[str]:
        """The commands that Docker was given since the last call."""
        path = self.plugins / "calls"
        calls = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [call.removeprefix("docker ").replace("docker-compose -p", "compose") for call in calls]

    def do(self, *tasks: Task, claim: LeaseClaim = MINE) -> list[Outcome]:
        return list(self.engine.perform(tasks, claim))

    def done(self, *tasks: Task) -> None:
        """Do the tasks, which have to succeed."""
        assert [outcome.reason for outcome in self.do(*tasks)] == [""] * len(tasks)


def fake_host(tmp_path: Path) -> FakeHost:
    """A host with nothing on it. The caller puts ``environment`` in place."""
    plugins = tmp_path / "cli-plugins"
    plugins.mkdir()
    for name in ("docker", "docker-compose"):
        (plugins / name).write_text(DOCKER)
        (plugins / name).chmod(0o755)
    (plugins / "list").touch()
    here = LocalTransport("h1", Connection("localhost", kind="local"))
    return FakeHost(plugins, tmp_path / "d", ComposeEngine("h1", here, str(tmp_path / "d")))


def environment(tmp_path: Path) -> dict[str, str]:
    """The environment in which the scripts find the stand-in."""
    plugins = tmp_path / "cli-plugins"
    return {**os.environ, "DOCKER_CONFIG": str(tmp_path), "PATH": f"{plugins}:/usr/bin:/bin"}


def prepare(*images: str, pull: str = "missing", files: HostFiles | None = FILES) -> Task:
    return Task(_step(StepKind.PREPARE), files, images=tuple((pull, image) for image in images))


def start(service: str, total: int = 1, *, gate: Gate = Gate("ready", 20), spec: str = SPEC) -> Task:
    return Task(_step(StepKind.START, service, count=total, total=total, gate=gate), spec=spec)


def restart(service: str, *ids: str, total: int = 1, gate: Gate = Gate("ready", 20)) -> Task:
    refs = _refs(ids)
    return Task(_step(StepKind.RESTART, service, total=total, gate=gate, containers=refs), spec=SPEC)


def stop(service: str, *ids: str) -> Task:
    return Task(_step(StepKind.STOP, service, count=len(ids), containers=_refs(ids)))


def record(number: int = 1, files: HostFiles = FILES) -> Task:
    release = Release(number, "digest", play="site.yaml", placements={"web": {"h1": 3}}, outcome="converged")
    return Task(_step(StepKind.RECORD), files, release)


def identity(number: int) -> str:
    """The id of the nth container."""
    return f"{number:064d}"


def _refs(ids: tuple[str, ...]) -> tuple[Ref, ...]:
    return tuple(Ref(one, one) for one in ids)


def _step(kind: StepKind, service: str = "", **details: object) -> Step:
    return Step("", kind, "h1", "shop", "", service, **details)  # type: ignore[arg-type]
