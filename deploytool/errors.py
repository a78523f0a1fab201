"""The one error tree. The class carries the exit code; the instance carries the place and a way out.

Nothing else in the package decides an exit code, and nothing but ``cli`` prints an error. A failure of
one host is a value in the report, not an exception: see ``model.observed.Unreachable``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a file something was written. Lines and columns count from 1; 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with the input: a sentence, its place, and a way out."""

    place: Place
    message: str
    hint: str = ""


class DeploytoolError(Exception):
    """Something that the user can act on. ``str()`` is the sentence, ``hint`` the way out."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", host: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.host = host

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What to print: one problem each. An error without a file has the host as its place."""
        return (Problem(Place(self.host), self.message, self.hint),)


class UsageError(DeploytoolError):
    """The command line is wrong."""

    exit_code = 2


class ManyProblems(DeploytoolError):
    """Several problems at once, sorted by place, none twice."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self._problems = tuple(sorted(set(problems)))
        super().__init__("; ".join(problem.message for problem in self._problems))

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._problems


class InputError(ManyProblems):
    """The files are wrong. Carries every problem that was found."""

    exit_code = 3


class HostUnreachable(DeploytoolError):
    """A host did not answer, or cannot be used as it is.

    ``setup`` tells a host that someone has to set right (a changed host key, no Docker, no permission)
    from one that may come back by itself (no answer, connection lost, engine down).
    """

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "", host: str = "", setup: bool = False) -> None:
        super().__init__(message, hint=hint, host=host)
        self.setup = setup


class HostsUnusable(ManyProblems):
    """Hosts that somebody has to set right before anything is changed anywhere."""

    exit_code = 4


class Unachieved(DeploytoolError):
    """A step could not be done, or the result did not hold."""

    exit_code = 5


class LabError(Unachieved):
    """A disposable host, or what it is made from, could not be made ready."""


class Refused(ManyProblems):
    """A guard refused the plan. Each hint names the flag that lifts it."""

    exit_code = 6


class PlanChanged(Refused):
    """A saved plan does not hold any more. ``head`` says so, and the others what changed since."""

    def __init__(self, head: Problem, changes: Iterable[Problem]) -> None:
        super().__init__(changes)
        self._problems = (head, *self._problems)


class LeaseHeld(DeploytoolError):
    """Another run holds the lease of the project."""

    exit_code = 7


class NoHost(ManyProblems):
    """Replicas have no home. Each message counts, per filter, the hosts that refused one."""

    exit_code = 8


CHANGES_PENDING = 10
INTERRUPTED = 130
