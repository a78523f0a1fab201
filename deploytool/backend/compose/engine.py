"""The engine: a host with Docker and Compose v2 behind a transport.

Two scripts do the work on the host, each in one exec: ``observe.sh`` looks, ``act.sh`` does one verb under
the project's flock and lease. Everything that varies travels as arguments or on stdin, quoted by the
transport; no text is pasted into a script.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from deploytool.backend.base import KEPT_RELEASES, Attempt, LeaseClaim, Outcome, Task
from deploytool.backend.compose import logs
from deploytool.backend.compose.archive import packed, texts
from deploytool.backend.compose.line_feed import LineFeed
from deploytool.backend.compose.parse import (
    no_docker,
    parse_event,
    parse_lease,
    parse_observation,
    parse_release,
)
from deploytool.errors import HostUnreachable
from deploytool.model.container import ContainerEvent
from deploytool.model.desired import HostFiles, Manifest
from deploytool.model.ingress import EDGE
from deploytool.model.intent import File
from deploytool.model.inventory import DEFAULT_DIRECTORY
from deploytool.model.log import Live, LogLine, LogQuery
from deploytool.model.observed import ObservedHost
from deploytool.model.plan import Gate, GateGoal, StepKind
from deploytool.model.release import Release, StoredRelease
from deploytool.transport.base import Result, Stream, Terminal, Transport
from deploytool.transport.futures import complete

_HERE = Path(__file__).parent

OBSERVE_TIMEOUT_S = 60.0
PREPARE_TIMEOUT_S = 900.0  # an image of some GiB on a slow line
ENDPOINTS_TIMEOUT_S = 60.0  # Envoy is waited for, and another run may be at its files
PRUNE_TIMEOUT_S = 120.0
# What Docker may need on a busy host, beyond what a step waits for; more than act.sh waits for the flock.
SLACK_S = 110.0

# What may call for a look, without the commands of health checks, which come every few seconds.
ACTIONS = (
    "create",
    "start",
    "restart",
    "die",
    "oom",
    "kill",
    "stop",
    "pause",
    "unpause",
    "rename",
    "health_status",
    "destroy",
)

EXIT_HELD, EXIT_FENCED, EXIT_CHANGED, EXIT_BUSY, EXIT_DOWN = 75, 76, 77, 78, 79
_BEAT = "beat"  # the sign of life that act.sh gives on stderr
# What a terminal would obey, and nobody wants in a report: escape sequences, and all controls but the tab.
_CONTROLS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_FACTS = ("key ", "compose ", "facts ", "root ")  # what observe.sh says of the engine where it had to ask
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")


class ComposeEngine:
    """Looks at one host and changes it. See ``backend.base.Engine`` for the promises."""

    def __init__(
        self,
        host_name: str,
        transport: Transport,
        directory: str = DEFAULT_DIRECTORY,
        keep_releases: int = KEPT_RELEASES,
    ) -> None:
        self.host_name = host_name
        self.transport = transport
        self.directory = directory
        self.keep_releases = keep_releases
        self._ahead: Future[ObservedHost] | None = None  # the first look, where it was begun
        self._facts = ""  # as the last look said them; nothing where they are kept on the host

    def begin(self) -> None:
        self.transport.prepare()  # here, since others go on importing meanwhile
        ahead: Future[ObservedHost] = Future()
        self._ahead = ahead
        name = f"look at {self.host_name}"
        threading.Thread(target=complete, args=(ahead, self._look), name=name, daemon=True).start()

    def observe(self) -> ObservedHost:
        ahead, self._ahead = self._ahead, None
        return self._look() if ahead is None else ahead.result()

    def _look(self) -> ObservedHost:
        argv = ["sh", "-c", _observe_script(), "deploytool", self.directory]
        result = self.transport.run(argv, timeout_s=OBSERVE_TIMEOUT_S)
        lines = _lines(result.stdout)
        facts = [line for line in lines if line.startswith(_FACTS)]
        self._facts = "\n".join(facts) if len(facts) == len(_FACTS) else ""
        return parse_observation(lines, self.host_name)

    def perform(self, tasks: Sequence[Task], claim: LeaseClaim) -> Sequence[Outcome]:
        kind, project = tasks[0].step.kind, tasks[0].step.project
        arguments, stdin, timeout_s = _WORDS[kind](tasks)
        if kind is StepKind.PREPARE:
            arguments.insert(0, self._facts)
        if kind is StepKind.RECORD:
            arguments.append(str(self.keep_releases))
        # A proxy that was replaced may have reason to stay for a while.
        verb = "dismiss" if (kind, project) == (StepKind.STOP, EDGE) else kind.value
        result = self._act(verb, project, claim, arguments, stdin, timeout_s)
        return self._outcomes(result, len(tasks))

    def releases(self, project: str) -> Sequence[StoredRelease]:
        argv = ["sh", "-c", _script("releases.sh"), "deploytool", self.directory, project]
        result = self.transport.run(argv, timeout_s=OBSERVE_TIMEOUT_S)
        if result.exit_code:
            complaint = " ".join(_lines(result.stderr)[-1:])
            raise HostUnreachable(f"its releases cannot be read: {complaint}", host=self.host_name)
        return _stored_releases(result.stdout)

    def renew(self, project: str, claim: LeaseClaim) -> Outcome:
        return self._outcomes(self._act("renew", project, claim), 1)[0]

    def lock(self, project: str, claim: LeaseClaim) -> Outcome:
        return self._outcomes(self._act("lock", project, claim), 1)[0]

    def unlock(self, project: str, claim: LeaseClaim, attempt: Attempt | None = None) -> Outcome:
        arguments = [str(attempt.release.number), str(self.keep_releases)] if attempt else []
        stdin = _tar(None, attempt.release, attempt.others) if attempt else b""
        return self._outcomes(self._act("unlock", project, claim, arguments, stdin), 1)[0]

    def prune(self, project: str, claim: LeaseClaim) -> tuple[Outcome, Sequence[str]]:
        result = self._act("prune", project, claim, timeout_s=PRUNE_TIMEOUT_S)
        gone = [line.removeprefix("pruned ") for line in _lines(result.stdout) if line.startswith("pruned ")]
        return self._outcomes(result, 1)[0], gone

    def forget(self, project: str, claim: LeaseClaim) -> Outcome:
        return self._outcomes(self._act("forget", project, claim), 1)[0]

    def events(self) -> LineFeed[ContainerEvent]:
        argv = ["sh", "-c", _script("events.sh"), "deploytool", *ACTIONS]
        stream = self.transport.stream(argv, timeout_s=OBSERVE_TIMEOUT_S)
        feed = LineFeed(stream, parse_event, self._events_ended)
        try:
            feed.begun("begin")
        except BaseException:
            feed.close()
            raise
        return feed

    def logs(self, query: LogQuery) -> LineFeed[LogLine | Live]:
        argv = ["sh", "-c", _script("logs.sh"), "deploytool", *logs.arguments(query)]
        stream = self.transport.stream(argv, timeout_s=OBSERVE_TIMEOUT_S)
        return LineFeed(stream, logs.LogReader().read, self._logs_ended)

    def exec(self, container_id: str, argv: Sequence[str], *, terminal: Terminal | None = None) -> Stream:
        options = ["--interactive", *(["--tty"] if terminal else [])]
        return self.transport.stream(["docker", "exec", *options, container_id, *argv], terminal=terminal)

    def close(self) -> None:
        self.transport.close()

    def _events_ended(self, exit_code: int, complaint: str, begun: bool) -> HostUnreachable:
        if begun:
            said = f": {complaint}" if complaint else ""
            return HostUnreachable(f"the Docker engine ended its events{said}", host=self.host_name)
        return no_docker(exit_code, complaint, self.host_name)

    def _logs_ended(self, exit_code: int, complaint: str, begun: bool) -> HostUnreachable | None:
        return no_docker(exit_code, complaint, self.host_name) if exit_code else None

    def _act(
        self,
        verb: str,
        project: str,
        claim: LeaseClaim,
        arguments: Iterable[str] = (),
        stdin: bytes = b"",
        timeout_s: float = 0.0,
    ) -> Result:
        people = {
            key: value for key, value in asdict(claim.lease).items() if key not in ("owner", "expires_s")
        }
        lease = [claim.lease.owner, str(claim.ttl_s), json.dumps(people), claim.take_from or "-"]
        script = _act_script(verb)
        argv = ["sh", "-c", script, "deploytool", verb, self.directory, project, *lease, *arguments]
        return self.transport.run(argv, stdin=stdin, timeout_s=timeout_s + SLACK_S)

    def _outcomes(self, result: Result, count: int) -> list[Outcome]:
        said = _Said(_lines(result.stdout))
        if result.exit_code == EXIT_DOWN:
            raise no_docker(1, "", self.host_name)
        if result.exit_code in (EXIT_HELD, EXIT_FENCED):
            lost = result.exit_code == EXIT_FENCED
            return [Outcome("the lease was lost" if lost else "the lease is held", held=said.held)] * count
        if result.exit_code == EXIT_CHANGED:
            return [Outcome(said.changed or "the host is not as it was planned", changed=True)] * count
        if result.exit_code == EXIT_BUSY:
            reason = "an interrupted run is still at work on this host"
            return [Outcome(reason, hint="wait for it to end, then run again")] * count
        outcomes = [said.outcome(task, result) for task in range(count)]
        if said.looked and outcomes[0].ok:
            outcomes[0] = replace(outcomes[0], observed=parse_observation(said.looked, self.host_name))
        return outcomes


class _Said:
    """The lines of one verb, by task; what is not for a task is what the host looks like afterwards."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.ok: set[int] = set()
        self.failed: dict[int, str] = {}
        self.hint: dict[int, str] = {}
        self.log: dict[int, list[str]] = {}
        self.looked: list[str] = []
        self.held = None
        self.changed = ""
        for line in lines:
            word, _, rest = line.partition(" ")
            task, _, text = rest.partition(" ")
            if word == "ok" and task.isdigit():
                self.ok.add(int(task))
            elif word == "failed" and task.isdigit():
                self.failed[int(task)] = _CONTROLS.sub("", text).strip()
            elif word == "hint" and task.isdigit():
                self.hint[int(task)] = text
            elif word == "log" and task.isdigit():
                self.log.setdefault(int(task), []).append(_CONTROLS.sub("", text))
            elif word == "held":
                self.held = parse_lease(rest)
            elif word == "changed":
                self.changed = rest
            elif word == "pruned":
                pass  # ComposeEngine.prune reads them
            else:
                self.looked.append(line)

    def outcome(self, task: int, result: Result) -> Outcome:
        failed = self.failed.get(task) or (self.failed.get(0) if task not in self.ok else None)
        if failed:
            return Outcome(failed, self.hint.get(task, ""), tuple(self.log.get(task, ())))
        if task in self.ok:
            return Outcome(log=tuple(self.log.get(task, ())))
        complaint = [line for line in _lines(result.stderr) if line != _BEAT]
        stderr = " ".join(complaint[-3:]) or "it said nothing"
        return Outcome(f"the command ended with exit code {result.exit_code}: {stderr}")


_Words = tuple[list[str], bytes, float]


def _prepare_words(tasks: Sequence[Task]) -> _Words:
    (task,) = tasks
    images = [word for pair in task.images for word in pair]
    return images, _tar(task.files, None, task.others), PREPARE_TIMEOUT_S


def _record_words(tasks: Sequence[Task]) -> _Words:
    (task,) = tasks
    number = task.release.number if task.release else 0
    return [str(number)], _tar(task.files, task.release, task.others), SLACK_S


def _start_words(tasks: Sequence[Task]) -> _Words:
    words = [word for index, task in enumerate(tasks) for word in _started(index, task)]
    return words, b"", _longest_gate(tasks)


def _restart_words(tasks: Sequence[Task]) -> _Words:
    words = []
    for index, task in enumerate(tasks):
        words += [*_started(index, task), _whole(task.step.grace_s), _ids(task)]
    return words, b"", _longest_gate(tasks) + sum(task.step.grace_s for task in tasks)


def _stop_words(tasks: Sequence[Task]) -> _Words:
    words = []
    for index, task in enumerate(tasks):
        words += [str(index), _whole(task.step.grace_s), _ids(task)]
    return words, b"", max(task.step.grace_s for task in tasks)


def _endpoints_words(tasks: Sequence[Task]) -> _Words:
    words = []
    for index, task in enumerate(tasks):
        remotes = ",".join(f"{host}={weight}" for host, weight in task.step.remotes)
        words += [str(index), task.step.service or "-", _ids(task), remotes]
    return words, packed(tasks[0].files.ingress if tasks[0].files else ()), ENDPOINTS_TIMEOUT_S


def _drain_words(tasks: Sequence[Task]) -> _Words:
    words = []
    for index, task in enumerate(tasks):
        names = ",".join(container.name for container in task.step.containers)
        words += [str(index), _whole(task.step.grace_s), _ids(task), names]
    return words, b"", sum(task.step.grace_s for task in tasks)


_WORDS: dict[StepKind, Callable[[Sequence[Task]], _Words]] = {
    StepKind.PREPARE: _prepare_words,
    StepKind.START: _start_words,
    StepKind.RESTART: _restart_words,
    StepKind.STOP: _stop_words,
    StepKind.ENDPOINTS: _endpoints_words,
    StepKind.DRAIN: _drain_words,
    StepKind.RECORD: _record_words,
}


def _started(index: int, task: Task) -> list[str]:
    step = task.step
    gate = step.gate or Gate(GateGoal.READY, 60.0)
    # act.sh splits these into words, so nothing but a Compose service name may come through.
    if not _NAME.fullmatch(step.service):
        raise ValueError(f"'{step.service}' is not a service name")
    times = [_whole(gate.deadline_s), _whole(gate.hold_s)]
    return [str(index), step.service, str(step.total), task.spec, gate.until, *times]


def _whole(seconds: float) -> str:
    return str(max(0, -int(-seconds // 1)))


def _ids(task: Task) -> str:
    return ",".join(container.id for container in task.step.containers)


def _longest_gate(tasks: Sequence[Task]) -> float:
    gates = (task.step.gate for task in tasks)
    return max((gate.deadline_s + gate.hold_s for gate in gates if gate), default=0.0)


def _tar(files: HostFiles | None, release: Release | None, others: Sequence[str]) -> bytes:
    """All that a step writes, as one tar: ``compose.yaml``, ``files/…``, ``release.json``, ``others``."""
    written = []
    if files and files.manifest:
        written.append(File("compose.yaml", files.manifest.text.encode(), 0o600))
    if release:
        written.append(File("release.json", json.dumps(asdict(release)).encode(), 0o600))
    if others:
        written.append(File("others", "".join(f"{host}\n" for host in others).encode(), 0o600))
    return packed((*written, *(files.files if files else ())))


def _stored_releases(raw: bytes) -> list[StoredRelease]:
    """The tar of ``releases/``; a release whose record is damaged is left out."""
    found = []
    stored = texts(raw)
    for name, text in stored.items():
        folder, _, file = name.rpartition("/")
        release = parse_release(text) if file == "release.json" else None
        if release:
            manifest = stored.get(f"{folder}/compose.yaml")
            found.append(StoredRelease(release, Manifest(manifest) if manifest is not None else None))
    return sorted(found, key=lambda one: one.release.number)


def _lines(raw: bytes) -> list[str]:
    """Lines as a shell ends them: what else Python takes for the end of one may be in a container's log."""
    lines = raw.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    return [line for line in lines if line]


@cache
def _script(name: str) -> str:
    return (_HERE / "host" / name).read_text("utf-8")


def _observe_script() -> str:
    return f'{_script("observe.sh")}\nlook "$1"\n'


def _act_script(verb: str) -> str:
    """Only what the verb needs: each exec carries it."""
    return "\n".join(map(_script, ("observe.sh", *_OF_PROXIES.get(verb, ()), "act.sh")))


_OF_PROXIES = {
    StepKind.ENDPOINTS.value: ("proxies.sh", "endpoints.sh", "publish.sh"),
    StepKind.DRAIN.value: ("proxies.sh",),
    "dismiss": ("proxies.sh",),
}
