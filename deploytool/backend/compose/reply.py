"""The output of a verb on a host → the outcome of each of its tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

from deploytool.backend.base import Outcome
from deploytool.backend.compose.documents import Document, number_of, read_documents, text_of
from deploytool.backend.compose.parse import no_docker, parse_lease, parse_observation
from deploytool.backend.compose.sentences import hint, log_line, sentence
from deploytool.transport.base import Result

_BEAT = "beat"  # the sign of life that lease.sh gives on stderr


class Exit(IntEnum):
    """The exit codes of a verb that did not do its tasks; each is told in ``host/main.sh``."""

    HELD = 75
    LOST = 76
    CHANGED = 77
    BUSY = 78
    DOWN = 79


@dataclass(slots=True)
class _Told:
    """The documents of one task."""

    ok: bool = False
    failure: Document = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def outcome(self) -> Outcome:
        reason = sentence(self.failure) if self.failure else ""
        return Outcome(reason, hint(text_of(self.failure, "failed")), tuple(self.log))


class Reply:
    """A verb's answer. ``looked`` is what it says of the host, ``pruned`` the images that went."""

    def __init__(self, result: Result, host_name: str) -> None:
        self.looked: list[Document] = []
        self.pruned: list[str] = []
        self._result, self._host_name = result, host_name
        self._tasks: dict[int, _Told] = {}
        self._held = self._changed = ""
        for raw in read_documents(result.stdout):
            self._take(raw)

    def outcomes(self, count: int) -> Sequence[Outcome]:
        """One for each task.

        Raises:
            HostUnreachable: the engine is gone; what became of the tasks is not known.
        """
        if self._result.exit_code == Exit.DOWN:
            raise no_docker(1, "", self._host_name)
        refused = self._refused()
        if refused:
            return [refused] * count
        outcomes = [self._outcome(task) for task in range(count)]
        if self.looked and outcomes[0].ok:
            seen = parse_observation(self.looked, self._host_name)
            outcomes[0] = replace(outcomes[0], observed=seen)
        return outcomes

    def _take(self, raw: Document) -> None:
        if "task" in raw:
            told = self._tasks.setdefault(number_of(raw, "task"), _Told())
            if "failed" in raw:
                told.failure = told.failure or raw
            elif raw.get("ok") is True:
                told.ok = True
            else:
                told.log.append(log_line(raw))
        elif "held" in raw:
            self._held = text_of(raw, "held")
        elif "changed" in raw:
            self._changed = text_of(raw, "changed")
        elif "pruned" in raw:
            self.pruned.append(text_of(raw, "pruned"))
        else:
            self.looked.append(raw)

    def _refused(self) -> Outcome | None:
        """The outcome of all tasks, where the verb did not begin with them."""
        match self._result.exit_code:
            case Exit.HELD:
                return Outcome("the lease is held", lease_conflict=parse_lease(self._held))
            case Exit.LOST:
                return Outcome("the lease was lost", lease_conflict=parse_lease(self._held))
            case Exit.CHANGED:
                more = f"there are more containers of {self._changed} than planned"
                return Outcome(more if self._changed else "the host is not as it was planned", changed=True)
            case Exit.BUSY:
                reason = "an interrupted run is still at work on this host"
                return Outcome(reason, hint="wait for it to end, then run again")
        return None

    def _outcome(self, task: int) -> Outcome:
        told, first = self._tasks.get(task, _Told()), self._tasks.get(0, _Told())
        if told.failure or told.ok:
            return told.outcome()
        if first.failure:  # the failure of the first task ended the verb before this task
            return replace(first.outcome(), log=())
        stderr = self._result.stderr.decode("utf-8", "replace").splitlines()
        said = " ".join([line for line in stderr if line and line != _BEAT][-3:]) or "it said nothing"
        return Outcome(f"the command ended with exit code {self._result.exit_code}: {said}")
