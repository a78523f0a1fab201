"""The events of a run, and its report. All go through one queue to the reporters; workers never print.

An event is immutable, contains no secret, and has all the data of its line in a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.model.plan import Plan, Step
from deploytool.model.str_enum import StrEnum


@dataclass(frozen=True, slots=True)
class Looking:
    """These hosts are being observed, in parallel; a ``HostLooked`` follows for each."""

    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostLooked:
    """A host was observed, or could not be: then ``reason`` and perhaps ``hint`` are set.

    ``setup``: the host needs to be set up by a person; commands that need the host report this themselves.
    """

    host: str
    seconds: float
    reason: str = ""
    hint: str = ""
    setup: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan was made, and nothing was changed yet."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step began."""

    step: Step


@dataclass(frozen=True, slots=True)
class StepDone:
    """A step succeeded."""

    step: Step
    seconds: float


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A step failed. ``log``: the last lines of the container. ``hint``: the next command to type.

    ``lost``: the host stopped answering, so that the step may or may not have been done.
    """

    step: Step
    seconds: float
    reason: str
    hint: str = ""
    log: tuple[str, ...] = ()
    lost: bool = False


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """A step was not started; ``because`` is the reason, a sentence."""

    step: Step
    because: str


class Level(StrEnum):
    """The severity of a note."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for people."""

    message: str
    level: Level = Level.INFO
    host: str = ""


class FailureOutcome(StrEnum):
    """The outcome of a project in which a step failed."""

    UNCHANGED = "nothing was changed"
    PAUSED = "paused"
    WENT_ON = "went on elsewhere"
    ROLLED_BACK = "rolled back"
    NOT_ROLLED_BACK = "could not be rolled back"
    ROLLBACK_FAILED = "the rollback failed too"


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a run. ``left``: the plan of what still differs at its end; empty when converged.

    ``endings``: the outcome of each project with failures. ``rolled_back``: project → the number of the
    release that was the target of its rollback. ``unreachable``: host → the reason.
    """

    plan: Plan
    exit_code: int = 0
    done: int = 0
    unreachable: dict[str, str] = field(default_factory=dict)
    failures: tuple[StepFailed, ...] = ()
    skipped: int = 0
    left: Plan = Plan()
    interrupted: bool = False
    endings: Mapping[str, FailureOutcome] = field(default_factory=dict)
    rolled_back: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Finished:
    """A run ended, with or without changes."""

    report: Report


Event = Looking | HostLooked | Planned | StepStarted | StepDone | StepFailed | StepSkipped | Note | Finished
