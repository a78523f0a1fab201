"""What a run reports while it goes on: one queue of events, several reporters.

Workers never print. An event is immutable, carries no secret, and says all that a line needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploytool.model.plan import Plan, Step
from deploytool.model.str_enum import StrEnum


@dataclass(frozen=True, slots=True)
class Looking:
    """Hosts are being asked, side by side; a ``HostLooked`` follows for each."""

    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostLooked:
    """A host was observed. ``reason`` is empty where it answered, else why not.

    ``setup``: somebody has to set the host right, and a command that needs it will say so by itself.
    """

    host: str
    seconds: float
    reason: str = ""
    hint: str = ""
    setup: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan is made; nothing was changed yet. ``hosts`` are all those that it is about."""

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
    """A step failed. ``log`` are the last lines of the container, ``hint`` the next command to type.

    ``lost`` means that the host stopped answering: what became of the step is not known.
    """

    step: Step
    seconds: float
    reason: str
    hint: str = ""
    log: tuple[str, ...] = ()
    lost: bool = False


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """A step was not begun, since ``because`` (another step's id, or a sentence) went wrong."""

    step: Step
    because: str


class Level(StrEnum):
    """How much a sentence matters."""

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
    """What became of a project in which something failed."""

    UNCHANGED = "nothing was changed"
    PAUSED = "paused"
    WENT_ON = "went on elsewhere"
    ROLLED_BACK = "rolled back"
    NOT_ROLLED_BACK = "could not be rolled back"
    ROLLBACK_FAILED = "the rollback failed too"


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended. ``left`` is what still differs after the last look; empty when converged.

    ``endings`` says it of each project in which something failed; ``rolled_back`` are the releases that
    projects were taken back to, or should have been.
    ``exit_code`` follows the table of exit codes; ``unreachable`` and ``failed`` are sentences by host.
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
    """A run that changed hosts, or found that it need not, came to its end."""

    report: Report


Event = Looking | HostLooked | Planned | StepStarted | StepDone | StepFailed | StepSkipped | Note | Finished
