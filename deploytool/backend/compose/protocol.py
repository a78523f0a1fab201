"""Steps → the verbs of a host, with their arguments and their input.

The arguments of a script are words ``--name value``: first those of the verb, then records that begin with
``--task N`` or ``--image NAME``. ``host/words.sh`` reads them. Files are sent as one tar on stdin.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from deploytool.backend.base import Attempt, LeaseClaim, Task
from deploytool.backend.compose.archive import packed
from deploytool.backend.compose.gates import existing_gate, gate_rows
from deploytool.model.desired import HostFiles
from deploytool.model.ingress import INGRESS_PROJECT
from deploytool.model.intent import File, ProjectKind
from deploytool.model.plan import Gate, GateGoal, StepKind
from deploytool.model.release import Release

PREPARE_TIMEOUT_S = 900.0  # an image of some GiB on a slow line
ENDPOINTS_TIMEOUT_S = 60.0  # Envoy is waited for, and another run may be at its files
PRUNE_TIMEOUT_S = 120.0
ENVOY_PATIENCE_S = 20.0
# What Docker may need on a busy host, beyond what a step waits for; more than main.sh waits for the flock.
SLACK_S = 110.0
# Most connections to a proxy end soon; the proxy keeps the others after the end of the run.
LET_GO_PATIENCE_S = 10.0

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Command:
    """A verb for a host. ``words`` are its arguments, ``stdin`` is a tar, ``timeout_s`` what it may take."""

    verb: str
    words: tuple[str, ...] = ()
    stdin: bytes = b""
    timeout_s: float = 0.0


def words(**values: str | int | float) -> Iterator[str]:
    """``--name value`` for each; numbers as whole ones, rounded up."""
    for name, value in values.items():
        yield f"--{name}"
        yield value if isinstance(value, str) else _whole(value)


def common_words(directory: str, project: str, claim: LeaseClaim) -> Iterator[str]:
    """The words that every verb takes: where it works, and on whose lease."""
    lease = asdict(claim.lease)
    people = {key: value for key, value in lease.items() if key not in ("owner", "expires_s")}
    return words(
        root=directory,
        project=project,
        ingress=INGRESS_PROJECT,
        owner=claim.lease.owner,
        ttl=claim.ttl_s,
        about=json.dumps(people),
        take_from=claim.take_from,
    )


def command_for(tasks: Sequence[Task], known: Iterable[str], drop: Sequence[int]) -> Command:
    """The verb that does these tasks, all of one kind and one project.

    ``known``: words with facts of the engine that were observed before. ``drop``: the numbers of releases to
    delete when this one is recorded.
    """
    kind = tasks[0].step.kind
    if kind is StepKind.PREPARE:
        return _prepare(tasks[0], known)
    if kind is StepKind.RECORD:
        return record(tasks[0], drop)
    return _COMMANDS[kind](tasks)


def _prepare(task: Task, known: Iterable[str]) -> Command:
    proxies = "yes" if task.project_kind is ProjectKind.INGRESS else ""
    images = [word for policy, image in task.images for word in words(image=image, pull=policy)]
    stdin = tar_of(task.files, None, task.possible_holders)
    return Command("prepare", (*words(task=0, proxies=proxies), *known, *images), stdin, PREPARE_TIMEOUT_S)


def record(task: Task, drop: Sequence[int]) -> Command:
    number = task.release.number if task.release else 0
    stdin = tar_of(task.files, task.release, task.possible_holders)
    return Command("record", tuple(words(task=0, number=number, drop=_list(drop))), stdin, SLACK_S)


def unlock(attempt: Attempt | None, drop: Sequence[int]) -> Command:
    """The verb that releases the lease, and records an attempt."""
    if attempt is None:
        return Command("unlock")
    told = words(task=0, number=attempt.release.number, drop=_list(drop))
    return Command("unlock", tuple(told), tar_of(None, attempt.release, attempt.possible_holders))


def _start(tasks: Sequence[Task]) -> Command:
    return Command("start", (*_gates(tasks), *_records(tasks, _started)), timeout_s=_longest_gate(tasks))


def _restart(tasks: Sequence[Task]) -> Command:
    def told(task: Task) -> Iterator[str]:
        # A container that cannot be restarted is removed; the start that follows makes a new one.
        ids = words(grace=task.step.grace_s, containers=_ids(task), on_failure="remove")
        return iter((*_started(task), *ids))

    timeout_s = _longest_gate(tasks) + sum(task.step.grace_s for task in tasks)
    return Command("restart", (*_gates(tasks), *_records(tasks, told)), timeout_s=timeout_s)


def _stop(tasks: Sequence[Task]) -> Command:
    # ``dismiss`` keeps a replaced proxy for a while if it still has connections.
    verb = "dismiss" if tasks[0].project_kind is ProjectKind.INGRESS else "stop"
    told = _records(tasks, lambda task: words(grace=task.step.grace_s, containers=_ids(task)))
    return Command(verb, tuple(told), timeout_s=max(task.step.grace_s for task in tasks))


def _endpoints(tasks: Sequence[Task]) -> Command:
    def told(task: Task) -> Iterator[str]:
        remotes = " ".join(f"{host}={weight}" for host, weight in task.step.remotes)
        return words(
            service=task.step.service, leaving=_ids(task), remotes=remotes, patience=ENVOY_PATIENCE_S
        )

    verb = "republish" if tasks[0].project_kind is ProjectKind.INGRESS else "endpoints"
    stdin = packed(tasks[0].files.ingress if tasks[0].files else ())
    return Command(verb, tuple(_records(tasks, told)), stdin, ENDPOINTS_TIMEOUT_S)


def _drain(tasks: Sequence[Task]) -> Command:
    def requests(task: Task) -> Iterator[str]:
        names = " ".join(container.name for container in task.step.containers)
        return words(grace=task.step.grace_s, names=names)

    def connections(task: Task) -> Iterator[str]:
        patience_s = min(task.step.grace_s, LET_GO_PATIENCE_S)
        return words(grace=task.step.grace_s, patience=patience_s, containers=_ids(task))

    timeout_s = sum(task.step.grace_s for task in tasks)
    if tasks[0].project_kind is ProjectKind.INGRESS:
        return Command("let_go", tuple(_records(tasks, connections)), timeout_s=timeout_s)
    return Command("drain", tuple(_records(tasks, requests)), timeout_s=timeout_s)


_COMMANDS: dict[StepKind, Callable[[Sequence[Task]], Command]] = {
    StepKind.START: _start,
    StepKind.RESTART: _restart,
    StepKind.STOP: _stop,
    StepKind.ENDPOINTS: _endpoints,
    StepKind.DRAIN: _drain,
}


def _records(tasks: Sequence[Task], told: Callable[[Task], Iterable[str]]) -> Iterator[str]:
    for index, task in enumerate(tasks):
        yield from (*words(task=index), *told(task))


def _started(task: Task) -> Iterator[str]:
    step, gate = task.step, _gate(task)
    # start.sh splits words at spaces, so nothing but a Compose service name may come through.
    if not _NAME.fullmatch(step.service):
        raise ValueError(f"'{step.service}' is not a service name")
    # A restart is of containers that were there before.
    gate_new = gate.until if step.kind is StepKind.START else existing_gate(gate.until)
    return words(
        service=step.service,
        total=step.total,
        spec=task.spec,
        gate_new=gate_new,
        gate_existing=existing_gate(gate.until),
        deadline=gate.deadline_s,
        hold=gate.hold_s,
    )


def _gates(tasks: Sequence[Task]) -> Iterator[str]:
    """The tables of all gates that the tasks name."""
    named = {_gate(task).until for task in tasks}
    return words(gates=gate_rows(named | {existing_gate(until) for until in named}))


def _gate(task: Task) -> Gate:
    return task.step.gate or Gate(GateGoal.READY, 60.0)


def _longest_gate(tasks: Sequence[Task]) -> float:
    gates = (task.step.gate for task in tasks)
    return max((gate.deadline_s + gate.hold_s for gate in gates if gate), default=0.0)


def _whole(number: float) -> str:
    return str(max(0, -int(-number // 1)))


def _ids(task: Task) -> str:
    return " ".join(container.id for container in task.step.containers)


def _list(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))


def tar_of(files: HostFiles | None, release: Release | None, others: Sequence[str]) -> bytes:
    """The tar of a step's files: ``compose.yaml``, ``files/…``, ``release.json``, ``others``."""
    written = []
    if files and files.manifest:
        written.append(File("compose.yaml", files.manifest.text.encode(), 0o600))
    if release:
        written.append(File("release.json", json.dumps(asdict(release)).encode(), 0o600))
    if others:
        written.append(File("others", "".join(f"{host}\n" for host in others).encode(), 0o600))
    return packed((*written, *(files.files if files else ())))
