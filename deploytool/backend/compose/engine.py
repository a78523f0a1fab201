"""The engine of a host with Docker and Compose v2, reached by a transport.

Every method is one exec of a script on the host (see ``scripts``): to observe, to stream, or to run a verb
under the project's flock and lease. Arguments are passed on the command line or on stdin (see ``protocol``),
quoted by the transport; no text is inserted into a script.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from deploytool.backend.base import KEPT_RELEASES, Attempt, LeaseClaim, Outcome, Task
from deploytool.backend.compose import logs, protocol
from deploytool.backend.compose.archive import texts
from deploytool.backend.compose.documents import Document, read_documents
from deploytool.backend.compose.line_feed import LineFeed
from deploytool.backend.compose.parse import (
    no_docker,
    parse_engine,
    parse_observation,
    parse_records,
    parse_release,
)
from deploytool.backend.compose.parse_container import parse_event
from deploytool.backend.compose.protocol import Command
from deploytool.backend.compose.reply import Reply
from deploytool.backend.compose.scripts import look_script, stream_script, verb_script
from deploytool.backend.retention import Records
from deploytool.errors import HostUnreachable
from deploytool.model.container import ContainerEvent
from deploytool.model.desired import Manifest
from deploytool.model.inventory import DEFAULT_DIRECTORY
from deploytool.model.log import Live, LogLine, LogQuery
from deploytool.model.observed import ObservedHost
from deploytool.model.plan import Step, StepKind
from deploytool.model.release import StoredRelease
from deploytool.transport.base import Stream, Terminal, Transport
from deploytool.transport.futures import complete

OBSERVE_TIMEOUT_S = 60.0

# The events after which a host may have to be observed; those of health check commands are too frequent.
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


class ComposeEngine:
    """The ``backend.engine.Engine`` of one host."""

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
        self._ahead: Future[ObservedHost] | None = None  # the observation that ``begin`` has started
        self._known: tuple[str, ...] = ()  # facts of the engine for the next script, if the host has no cache
        self._records: dict[str, tuple[Records, int]] = {}  # by project, with the current release's number

    def begin(self) -> None:
        self.transport.prepare()  # before the thread starts: the main thread imports at the same time
        ahead: Future[ObservedHost] = Future()
        self._ahead = ahead
        name = f"look at {self.host_name}"
        threading.Thread(target=complete, args=(ahead, self._look), name=name, daemon=True).start()

    def observe(self) -> ObservedHost:
        ahead, self._ahead = self._ahead, None
        return self._look() if ahead is None else ahead.result()

    def _look(self) -> ObservedHost:
        argv = ["sh", "-c", look_script(), "deploytool", self.directory]
        result = self.transport.run(argv, timeout_s=OBSERVE_TIMEOUT_S)
        documents = read_documents(result.stdout)
        self._known = tuple(protocol.words(**parse_engine(documents)))
        self._remember(documents)
        return parse_observation(documents, self.host_name)

    def perform(self, tasks: Sequence[Task], claim: LeaseClaim) -> Sequence[Outcome]:
        step, release = tasks[0].step, tasks[0].release
        drop: Sequence[int] = ()
        if step.kind is StepKind.RECORD and release:
            with_manifest = tasks[0].files is not None and tasks[0].files.manifest is not None
            drop = self._to_drop(
                step.project, release.number, with_manifest=with_manifest, current=release.number
            )
        command = protocol.command_for(tasks, self._known, drop)
        outcomes = self._do(command, step.project, claim).outcomes(len(tasks))
        return [_with_next_command(task.step, outcome) for task, outcome in zip(tasks, outcomes, strict=True)]

    def releases(self, project: str) -> Sequence[StoredRelease]:
        argv = ["sh", "-c", stream_script("releases"), "deploytool", self.directory, project]
        result = self.transport.run(argv, timeout_s=OBSERVE_TIMEOUT_S)
        if result.exit_code:
            complaint = " ".join(result.stderr.decode("utf-8", "replace").splitlines()[-1:])
            raise HostUnreachable(f"its releases cannot be read: {complaint}", host=self.host_name)
        return _stored_releases(result.stdout)

    def renew(self, project: str, claim: LeaseClaim) -> Outcome:
        return self._one(Command("renew"), project, claim)

    def lock(self, project: str, claim: LeaseClaim) -> Outcome:
        return self._one(Command("lock"), project, claim)

    def unlock(self, project: str, claim: LeaseClaim, attempt: Attempt | None = None) -> Outcome:
        drop: Sequence[int] = ()
        if attempt:
            _, current = self._records.get(project, (Records(), 0))
            drop = self._to_drop(project, attempt.release.number, current, with_manifest=False)
        return self._one(protocol.unlock(attempt, drop), project, claim)

    def prune(self, project: str, claim: LeaseClaim) -> tuple[Outcome, Sequence[str]]:
        reply = self._do(Command("prune", timeout_s=protocol.PRUNE_TIMEOUT_S), project, claim)
        return reply.outcomes(1)[0], reply.pruned

    def forget(self, project: str, claim: LeaseClaim) -> Outcome:
        return self._one(Command("forget"), project, claim)

    def events(self) -> LineFeed[ContainerEvent]:
        argv = ["sh", "-c", stream_script("events"), "deploytool", *ACTIONS]
        stream = self.transport.stream(argv, timeout_s=OBSERVE_TIMEOUT_S)
        feed = LineFeed(stream, parse_event, self._events_ended)
        try:
            feed.wait_for("begin")
        except BaseException:
            feed.close()
            raise
        return feed

    def logs(self, query: LogQuery) -> LineFeed[LogLine | Live]:
        argv = ["sh", "-c", stream_script("logs"), "deploytool", *logs.arguments(query)]
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

    def _one(self, command: Command, project: str, claim: LeaseClaim) -> Outcome:
        return self._do(command, project, claim).outcomes(1)[0]

    def _do(self, command: Command, project: str, claim: LeaseClaim) -> Reply:
        common = protocol.common_words(self.directory, project, claim)
        argv = ["sh", "-c", verb_script(command.verb), "deploytool", *common, *command.words]
        timeout_s = command.timeout_s + protocol.SLACK_S
        reply = Reply(self.transport.run(argv, stdin=command.stdin, timeout_s=timeout_s), self.host_name)
        self._remember(reply.looked)
        return reply

    def _remember(self, documents: Sequence[Document]) -> None:
        self._records.update(parse_records(documents))

    def _to_drop(self, project: str, number: int, current: int, *, with_manifest: bool) -> Sequence[int]:
        """The numbers of the releases to delete when ``number`` is recorded."""
        records, _ = self._records.get(project, (Records(), 0))
        keep = self.keep_releases
        return records.to_drop(number, keep=keep, current=current, with_manifest=with_manifest)


def _stored_releases(raw: bytes) -> list[StoredRelease]:
    """The releases in a tar of ``releases/``, without those whose record is damaged."""
    found = []
    stored = texts(raw)
    for name, text in stored.items():
        folder, _, file = name.rpartition("/")
        release = parse_release(text) if file == "release.json" else None
        if release:
            manifest = stored.get(f"{folder}/compose.yaml")
            found.append(StoredRelease(release, Manifest(manifest) if manifest is not None else None))
    return sorted(found, key=lambda one: one.release.number)


def _with_next_command(step: Step, outcome: Outcome) -> Outcome:
    """The outcome; a failed start without a hint gets the command that shows the container's log."""
    if outcome.ok or outcome.hint or step.kind not in (StepKind.START, StepKind.RESTART):
        return outcome
    return replace(outcome, hint=f"on {step.host}: docker compose -p {step.project} logs {step.service}")
