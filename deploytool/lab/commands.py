"""Commands on this machine: each has a deadline, and a failure is an error with one sentence.

The lab starts processes here and nowhere else, but for dockerd.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from deploytool.errors import HostUnreachable, LabError
from deploytool.model.inventory import Connection, ConnectionKind
from deploytool.transport.base import Result
from deploytool.transport.local import LocalTransport

Say = Callable[[str], None]
"""Receives one line of progress."""

_EXIT_STATUS = re.compile(r"exit status \d+")  # docker adds such a line to its engine's message
_THIS_MACHINE = LocalTransport("this machine", Connection("localhost", kind=ConnectionKind.LOCAL))


def attempt(argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
    """The result of ``argv``, whatever its exit code.

    Raises:
        LabError: the deadline passed; the command and its children were stopped.
    """
    try:
        return _THIS_MACHINE.run(argv, stdin=stdin, timeout_s=timeout_s)
    except HostUnreachable as error:
        raise LabError(error.message) from None


def output(argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> bytes:
    """The standard output of ``argv``.

    Raises:
        LabError: it failed, with its last line of output, or the deadline passed.
    """
    result = attempt(argv, stdin=stdin, timeout_s=timeout_s)
    if result.exit_code:
        command = " ".join(argv[:2])
        raise LabError(f"'{command}' failed with {result.exit_code}: {last_words(result)}")
    return result.stdout


def run(argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> str:
    """The standard output of ``argv`` as text, without surrounding white space; raises as ``output`` does."""
    return output(argv, stdin=stdin, timeout_s=timeout_s).decode(errors="replace").strip()


def docker(*argv: str, stdin: bytes = b"", timeout_s: float = 60.0) -> str:
    """The standard output of ``docker argv`` as text; raises as ``run`` does."""
    return run(("docker", *argv), stdin=stdin, timeout_s=timeout_s)


def last_words(result: Result) -> str:
    """The last line of a command's stderr, or of stdout where that is empty; not a bare exit status."""
    lines = (result.stderr.strip() or result.stdout.strip()).decode(errors="replace").splitlines()
    messages = [line.strip() for line in lines if not _EXIT_STATUS.fullmatch(line.strip())]
    return messages[-1] if messages else "it said nothing"
