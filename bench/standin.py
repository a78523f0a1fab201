"""A stand-in for what a host does: it answers the commands of ``backend.compose.engine`` from memory.

No shell and no Docker behind it: the scripts are recognised by their arguments, and the engine in memory
does what they ask for. All that travels is real: the same words and tars in, the same lines out. Whatever
is measured with it is of *simulated* hosts.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice

from deploytool.backend.base import LeaseClaim, Outcome, Task
from deploytool.backend.compose.parse import parse_lease, parse_release
from deploytool.backend.memory.engine import MemoryEngine, MemoryHost
from deploytool.model import labels
from deploytool.model.container import Container
from deploytool.model.desired import HostFiles, Manifest
from deploytool.model.observed import ObservedHost
from deploytool.model.plan import Gate, Ref, Step, StepKind
from deploytool.transport.base import Result

# How many words of a verb are about one task.
_GROUPS = {"start": 7, "restart": 9, "stop": 3}


@dataclass(frozen=True, slots=True)
class StandIn:
    """One simulated host. Its state is ``host``."""

    host: MemoryHost

    def run(self, argv: Sequence[str], stdin: bytes = b"") -> Result:
        """The host's answer to a command."""
        if argv[:2] == ["docker", "ps"]:
            return Result(0, "".join(f"{c.id}\n" for c in self.host.containers).encode())
        if argv[:2] != ["sh", "-c"] or len(argv) < 5:
            return Result(127, b"", f"{argv[0]}: not simulated\n".encode())
        words = argv[4:]
        return self._act(words, stdin) if len(words) > 2 else _answer(self._looked())

    def _looked(self) -> Iterator[str]:
        return _observation(MemoryEngine(self.host).observe())

    def _act(self, words: Sequence[str], stdin: bytes) -> Result:
        verb, _, project, owner, ttl, people, dead, *rest = words
        lease = parse_lease(f"{owner} 0 {people}")
        assert lease is not None
        claim = LeaseClaim(lease, int(ttl), "" if dead == "-" else dead)
        engine = MemoryEngine(self.host)
        if verb in ("lock", "unlock", "renew", "forget"):
            outcomes: Sequence[Outcome] = [getattr(engine, verb)(project, claim)]
        else:
            outcomes = engine.perform(list(_tasks(verb, project, rest, stdin)), claim)
        return _said(outcomes, self._looked() if verb in ("prepare", "record") else ())


@dataclass(slots=True)
class CountingTransport:
    """A transport to a stand-in that counts commands and bytes, the scripts themselves left out."""

    stand_in: StandIn
    execs: int = 0
    sent: int = 0
    received: int = 0

    def prepare(self) -> None:
        """There is nothing to do."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
        result = self.stand_in.run(list(argv), stdin)
        self.execs += 1
        self.sent += len(stdin) + sum(len(word) + 1 for word in argv[3:])
        self.received += len(result.stdout) + len(result.stderr)
        return result

    def close(self) -> None:
        """Nothing to give back."""


# --- what comes in --------------------------------------------------------------------------------------


def _tasks(verb: str, project: str, words: Sequence[str], stdin: bytes) -> Iterator[Task]:
    kind = StepKind(verb)
    if kind in (StepKind.PREPARE, StepKind.RECORD):
        texts = _texts(stdin)
        release = parse_release(texts.get("release.json", ""))
        images = tuple(zip(words[1::2], words[2::2], strict=True)) if kind is StepKind.PREPARE else ()
        step = Step("", kind, "", project, "")
        others = tuple(texts.get("others", "").split())
        yield Task(
            step,
            HostFiles(Manifest(texts["compose.yaml"]) if "compose.yaml" in texts else None),
            release,
            others,
            images=images,
        )
        return
    groups = iter(words)
    while group := list(islice(groups, _GROUPS[verb])):
        yield _task(kind, project, group)


def _task(kind: StepKind, project: str, group: Sequence[str]) -> Task:
    ids = group[-1] if kind is not StepKind.START else ""
    refs = tuple(Ref(id, id) for id in ids.split(",") if id)
    if kind is StepKind.STOP:
        return Task(Step("", kind, "", project, "", containers=refs))
    _, service, total, spec, until, deadline, _, *_ = group
    gate = Gate(until, float(deadline))
    step = Step("", kind, "", project, "", service, total=int(total), containers=refs, gate=gate)
    return Task(step, spec=spec)


def _texts(raw: bytes) -> dict[str, str]:
    if not raw:
        return {}
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
    return {name: file.read().decode() for name, file in files.items() if file}


# --- what goes out --------------------------------------------------------------------------------------


def _answer(lines: Iterator[str], code: int = 0) -> Result:
    return Result(code, "".join(f"{line}\n" for line in lines).encode())


def _said(outcomes: Sequence[Outcome], looked: Iterator[str] | tuple[()]) -> Result:
    first = outcomes[0]
    if first.held is not None:
        lease = first.held
        line = f"held {lease.owner} {int(lease.expires_s)} {json.dumps({'who': lease.who})}"
        return _answer(iter([line]), 76 if "lost" in first.reason else 75)
    if first.changed:
        return _answer(iter([f"changed {first.reason}"]), 77)
    lines = [
        f"ok {number}" if outcome.ok else f"failed {number} {outcome.reason}"
        for number, outcome in enumerate(outcomes)
    ]
    return _answer(iter([*lines, *looked]))


def _observation(seen: ObservedHost) -> Iterator[str]:
    facts = seen.facts
    yield 'compose "2.26.1"'
    known = {name: getattr(facts, name) for name in ("node_id", "os", "arch", "cpus", "memory_bytes")}
    yield f"facts {json.dumps({**known, 'labels': [], 'docker': '26.1.5'})}"
    yield f"clock {int(facts.now_s)}"
    for container in seen.containers:
        yield f"container {json.dumps(_described(container))}"
    for name, folder in seen.projects.items():
        yield f"project {json.dumps({'name': name, 'sha256': folder.manifest_digest})}"
        if folder.release:
            yield f"release {name} {json.dumps(asdict(folder.release))}"
        if folder.others:
            yield f"others {name} {' '.join(folder.others)}"
        if folder.lease:
            lease = folder.lease
            yield f"lease {name} {lease.owner} {int(lease.expires_s)} {json.dumps({'who': lease.who})}"


def _described(container: Container) -> dict[str, object]:
    ports = {
        f"{port.port}/{port.protocol}": [{"HostIp": port.ip, "HostPort": str(port.port)}]
        for port in container.ports
    }
    said = {
        labels.PROJECT: container.project,
        labels.SERVICE: container.service,
        labels.NUMBER: str(container.number),
        labels.ONEOFF: str(container.oneoff),
        labels.SPEC: container.spec,
        labels.KEYS: json.dumps(dict(container.keys)),
        labels.RESERVE: f"{container.reserve.cpus:g} {container.reserve.memory_bytes}",
    }
    return {
        "id": container.id,
        "name": f"/{container.name}",
        "image": container.image,
        "labels": {name: value for name, value in said.items() if value},
        "restarts": container.restarts,
        "state": container.state,
        "exit_code": container.exit_code,
        "health": container.health,
        "published": ports,
        "wanted": ports,
    }
