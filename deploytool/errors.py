"""The errors of the package: a class has an exit code, an instance has a message, its place and a hint.

Exit codes are defined here only, and only ``cli`` prints errors. A failure of one host is a value in the
report, not an exception: see ``model.observed.Unreachable``. The first line of a class's docstring stands in
the documentation's table of exit codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file. Lines and columns count from 1; 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """An error in the input: a message, its place, and a hint that tells how to correct it."""

    place: Place
    message: str
    hint: str = ""


class DeploytoolError(Exception):
    """An error that the user can act on. ``str()`` is the message, ``hint`` tells what to do."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", host: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.host = host

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems to print. An error without a file has its host as the place."""
        return (Problem(Place(self.host), self.message, self.hint),)


class UsageError(DeploytoolError):
    """The command line is wrong."""

    exit_code = 2


class ManyProblems(DeploytoolError):
    """Several problems at once, sorted by place, without duplicates."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self._problems = tuple(sorted(set(problems)))
        super().__init__("; ".join(problem.message for problem in self._problems))

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._problems


class InputError(ManyProblems):
    """The inventory, a playbook or a variable is wrong. All problems are reported at once."""

    exit_code = 3


class HostUnreachable(DeploytoolError):
    """A host did not answer, or cannot be used as it is.

    ``setup`` is true where the user has to correct something (a changed host key, no Docker, no permission),
    and false where the host may recover by itself (no answer, connection lost, engine down).
    """

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "", host: str = "", setup: bool = False) -> None:
        super().__init__(message, hint=hint, host=host)
        self.setup = setup


class HostsUnusable(ManyProblems):
    """Hosts that the user has to correct before anything is changed anywhere."""

    exit_code = 4


class Unachieved(DeploytoolError):
    """A step failed, or the hosts were not as planned afterwards."""

    exit_code = 5


class LabError(Unachieved):
    """A disposable host, or an image for it, could not be made ready."""


class Refused(ManyProblems):
    """A guard refused the plan. Each hint names the flag that lifts it."""

    exit_code = 6


class PlanChanged(Refused):
    """A saved plan no longer applies. ``head`` is the message, ``changes`` are the differences since."""

    def __init__(self, head: Problem, changes: Iterable[Problem]) -> None:
        super().__init__(changes)
        self._problems = (head, *self._problems)


class LeaseHeld(DeploytoolError):
    """Another run holds the lease of the project."""

    exit_code = 7


class NoHost(ManyProblems):
    """Replicas have no host. Each message counts, per filter, the hosts that were refused."""

    exit_code = 8


CHANGES_PENDING = 10
INTERRUPTED = 130
