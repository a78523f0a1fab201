"""A stand-in for what a host does: it answers the commands of ``backend.compose.engine`` from memory.

No shell and no Docker behind it: a verb is recognised by the name that its script calls, and the engine in
memory does it. All that travels is real: the same words and tars in, the same documents out. Whatever
is measured with it is of *simulated* hosts.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from deploytool.backend.base import LeaseClaim, Outcome, Task
from deploytool.backend.compose.documents import Document, as_json
from deploytool.backend.compose.parse import parse_lease, parse_release
from deploytool.backend.memory.engine import MemoryEngine
from deploytool.backend.memory.host import MemoryHost
from deploytool.model import labels
from deploytool.model.container import Container
from deploytool.model.desired import HostFiles, Manifest
from deploytool.model.observed import ObservedHost
from deploytool.model.plan import Gate, GateGoal, Ref, Step, StepKind
from deploytool.model.release import Lease
from deploytool.transport.base import Result

Words = Mapping[str, str]


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
        if len(argv) < 6:
            return _answer(self._looked())
        _, verb = argv[2].rsplit("main do_", 1)
        return self._act(verb.split()[0], list(_records(argv[4:])), stdin)

    def _looked(self) -> Iterator[Document]:
        return _observation(MemoryEngine(self.host).observe())

    def _act(self, verb: str, records: Sequence[Words], stdin: bytes) -> Result:
        common, *rest = records
        lease = parse_lease(f"{common['owner']}\n0\n{common['about']}")
        assert lease is not None
        claim = LeaseClaim(lease, int(common["ttl"]), common["take_from"])
        engine, project = MemoryEngine(self.host), common["project"]
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


def _records(words: Sequence[str]) -> Iterator[Words]:
    """The words of the verb, then those of each task and image."""
    record: dict[str, str] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name in ("--task", "--image"):
            yield record
            record = {}
        record[name.removeprefix("--")] = value
    yield record


def _tasks(verb: str, project: str, records: Sequence[Words], stdin: bytes) -> Iterator[Task]:
    kind = StepKind(verb)
    if kind in (StepKind.PREPARE, StepKind.RECORD):
        texts = _texts(stdin)
        release = parse_release(texts.get("release.json", ""))
        images = tuple((record["pull"], record["image"]) for record in records if "image" in record)
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
    for record in records:
        yield _task(kind, project, record)


def _task(kind: StepKind, project: str, words: Words) -> Task:
    refs = tuple(Ref(id, id) for id in words.get("containers", "").split())
    if kind is StepKind.STOP:
        return Task(Step("", kind, "", project, "", containers=refs))
    until = words["gate_new"] if kind is StepKind.START else words["gate_existing"]
    gate = Gate(GateGoal(until), float(words["deadline"]))
    total = int(words["total"])
    step = Step("", kind, "", project, "", words["service"], total=total, containers=refs, gate=gate)
    return Task(step, spec=words["spec"])


def _texts(raw: bytes) -> dict[str, str]:
    if not raw:
        return {}
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
    return {name: file.read().decode() for name, file in files.items() if file}


# --- what goes out --------------------------------------------------------------------------------------


def _answer(told: Iterable[Document], code: int = 0) -> Result:
    return Result(code, "".join(f"{as_json(raw)}\n" for raw in told).encode())


def _said(outcomes: Sequence[Outcome], looked: Iterable[Document]) -> Result:
    first = outcomes[0]
    if first.lease_conflict is not None:
        return _answer([{"held": _lease_text(first.lease_conflict)}], 76 if "lost" in first.reason else 75)
    if first.changed:
        return _answer([{"changed": ""}], 77)
    told = [
        {"task": number, "ok": True} if outcome.ok else {"task": number, "failed": outcome.reason}
        for number, outcome in enumerate(outcomes)
    ]
    return _answer([*told, *looked])


def _lease_text(lease: Lease) -> str:
    return f"{lease.owner}\n{int(lease.expires_s)}\n{json.dumps({'who': lease.who})}\n"


def _observation(seen: ObservedHost) -> Iterator[Document]:
    facts = seen.facts
    known = {name: getattr(facts, name) for name in ("node_id", "os", "arch", "cpus", "memory_bytes")}
    yield {"version": "2.26.1", "facts": {**known, "labels": [], "docker": "26.1.5"}}
    yield {"clock": int(facts.now_s)}
    for container in seen.containers:
        yield {"container": _described(container)}
    for name, folder in seen.projects.items():
        records = {"with_manifest": [folder.latest] if folder.latest else [], "without_manifest": []}
        yield {"project": name, "sha256": folder.manifest_digest, **records}
        if folder.release:
            yield {"project": name, "release": json.dumps(asdict(folder.release))}
        if folder.possible_holders:
            yield {"project": name, "others": list(folder.possible_holders)}
        if folder.lease:
            yield {"project": name, "lease": _lease_text(folder.lease)}


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
