"""Commands on this machine, with a deadline, and errors that are sentences.

The one way in which the lab runs a process. Nothing here knows what a lab is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from deploytool.errors import HostUnreachable, LabError
from deploytool.model.inventory import Connection
from deploytool.transport.base import Result
from deploytool.transport.local import LocalTransport

Say = Callable[[str], None]
"""Takes one line of progress."""

_EXIT_STATUS = re.compile(r"exit status \d+")  # what docker adds to what its engine says
_THIS_MACHINE = LocalTransport("this machine", Connection("localhost", kind="local"))


def attempt(argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Result:
    """Run ``argv`` and wait; a non-zero exit code is a result.

    Raises:
        LabError: no end within ``timeout_s``; the command and its children were stopped.
    """
    try:
        return _THIS_MACHINE.run(argv, stdin=stdin, timeout_s=timeout_s)
    except HostUnreachable as error:
        raise LabError(error.message) from None


def output(argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> bytes:
    """What ``argv`` printed.

    Raises:
        LabError: it failed, with the last thing that it said, or did not end in time.
    """
    result = attempt(argv, stdin=stdin, timeout_s=timeout_s)
    if result.exit_code:
        command = " ".join(argv[:2])
        raise LabError(f"'{command}' failed with {result.exit_code}: {last_words(result)}")
    return result.stdout


def run(argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> str:
    """What ``argv`` printed as text, without surrounding white space; raises as ``output`` does."""
    return output(argv, stdin=stdin, timeout_s=timeout_s).decode(errors="replace").strip()


def docker(*argv: str, stdin: bytes = b"", timeout_s: float = 60.0) -> str:
    """What ``docker argv`` printed; raises as ``run`` does."""
    return run(("docker", *argv), stdin=stdin, timeout_s=timeout_s)


def last_words(result: Result) -> str:
    """The last line that says something of what a command printed, on stderr if there is one there."""
    lines = (result.stderr.strip() or result.stdout.strip()).decode(errors="replace").splitlines()
    told = [line.strip() for line in lines if not _EXIT_STATUS.fullmatch(line.strip())]
    return told[-1] if told else "it said nothing"
