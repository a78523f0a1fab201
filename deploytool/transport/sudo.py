"""Runs a command as another user through sudo: wrapping of argv and stdin, and reading of what came back.

Nothing here starts anything. The password travels on stdin only, never in argv or the environment.

How the password stays out of the command's own input, whatever sudo does: sudo does not always read it
(cached credentials, NOPASSWD), and asks again after a wrong one, which would eat the command's input and
may lock the account. So the remote shell first gives sudo the password alone, to run ``true``: one try, then
end of file. Only when that worked, sudo runs the command with the password once more, then ``MARK``, then the
command's input; an inner shell drops all lines up to ``MARK``, so it does not matter whether sudo read one.

The inner shell also writes ``MARK`` to stderr before it becomes the command. What comes before it is sudo's
own talk, and a result without it means that the command never began.

On a terminal, what is sent before anybody reads would be shown. So the remote shell first switches that off
and says ``MARK``, then is given the password, and keeps it for sudo's input, which is not the terminal; the
inner shell puts the terminal back as it was, says ``MARK`` and gives it to the command.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Become
from deploytool.model.secret import Secret
from deploytool.transport.base import Output, Result, Stream, Terminal

MARK = "deploytool:become:7e1fd8c2"

_END_OF_FILE = "sudo: no password was provided"
_BEGIN = f'echo {MARK} >&2; exec "$@"'
_SKIP = f'while IFS= read -r line && [ "$line" != {MARK} ]; do :; done; unset line; {_BEGIN}'
_CHECK_FIRST = """\
IFS= read -r password
printf '%s\\n' "$password" | sudo -S -p '' -H -u "$1" -- true || exit
unset password
user=$1; shift
sudo -S -p '' -H -u "$user" -- "$@"
"""
_ON_TERMINAL = f"""\
saved=$(stty -g) && stty raw -echo && echo {MARK} || exit
IFS= read -r password
user=$1; shift
ask() {{ printf '%s\\n' "$password" | sudo -S -p '' -H -u "$user" -- "$@"; }}
ask true || {{ code=$?; stty "$saved"; exit $code; }}
trap : INT QUIT
ask sh -c 'stty "$1" </dev/tty; shift; echo {MARK}; exec "$@" </dev/tty' sh "$saved" "$@"
"""


class Command(NamedTuple):
    """What to run, and what to give it to read."""

    argv: tuple[str, ...]
    stdin: bytes


@dataclass(frozen=True, slots=True)
class Sudo:
    """Becomes another user on one host: ``wrap`` what is to run, run it, ``unwrap`` what it said."""

    host_name: str
    become: Become

    @classmethod
    def needed(cls, host_name: str, login_user: str, become: Become | None) -> Sudo | None:
        """None where nobody is to become anybody else: as in Ansible, root does not sudo to root."""
        return None if become is None or become.user == login_user else cls(host_name, become)

    def wrap(self, argv: Sequence[str], stdin: bytes) -> Command:
        """The command that runs ``argv`` with ``stdin`` as the other user.

        Raises:
            HostUnreachable: the password holds a line break or a NUL, so that sudo cannot read it.
        """
        if self.become.password is None:
            begin = ("sh", "-c", _BEGIN, "sh", *argv)
            return Command(("sudo", "-n", "-H", "-u", self.become.user, "--", *begin), stdin)
        line = self._password_line(self.become.password)
        check_first = ("sh", "-c", _CHECK_FIRST, "sh", self.become.user, "sh", "-c", _SKIP, "sh", *argv)
        return Command(check_first, line + line + MARK.encode() + b"\n" + stdin)

    def stream(
        self, argv: Sequence[str], terminal: Terminal | None, begin: Callable[[Sequence[str]], Stream]
    ) -> SudoStream:
        """``argv`` as the other user, while it runs; ``begin`` starts what is to be started for that.

        Raises:
            HostUnreachable: as ``wrap``. That sudo refuses comes out when the stream is read.
        """
        wrapped = self.wrap(argv, b"") if terminal is None else self._wrap_terminal(argv)
        return SudoStream(begin(wrapped.argv), self, wrapped.stdin, terminal is not None)

    def _wrap_terminal(self, argv: Sequence[str]) -> Command:
        """The command's stdin is what to send when the first ``MARK`` was said."""
        if self.become.password is None:
            return self.wrap(argv, b"")
        line = self._password_line(self.become.password)
        return Command(("sh", "-c", _ON_TERMINAL, "sh", self.become.user, *argv), line)

    def unwrap(self, result: Result) -> Result:
        """The command's own result, without sudo's talk.

        Raises:
            HostUnreachable: sudo did not let the command begin; the message has sudo's reason.
        """
        talk, began, stderr = result.stderr.partition(MARK.encode() + b"\n")
        if began:
            return replace(result, stderr=stderr)
        raise self.refused(result.exit_code, talk)

    def refused(self, exit_code: int, talk: bytes) -> HostUnreachable:
        """The error that says why the command did not begin, from what sudo said."""
        reason = _reason(talk.decode(errors="replace"))
        if exit_code == 127:
            hint = "install sudo on the host, or connect as a user who needs no become"
        elif self.become.password is None:
            hint = "set ansible_become_password, or allow it with NOPASSWD in the host's sudoers"
        else:
            hint = "check ansible_become_password, and with 'sudo -l' on the host what the user may do"
        how = "without a password" if self.become.password is None else "with the become password"
        return self._error(f"cannot become {self.become.user} {how}: {reason}", hint)

    def _password_line(self, password: Secret) -> bytes:
        text = password.reveal()
        if set(text) & set("\r\n\0"):
            raise self._error("the become password holds a line break or a NUL byte", "correct the password")
        return text.encode() + b"\n"

    def _error(self, message: str, hint: str) -> HostUnreachable:
        return HostUnreachable(message, hint=hint, host=self.host_name, setup=True)


def _reason(talk: str) -> str:
    """What sudo itself said, without the lecture and without our end of file after the password."""
    lines = [line.strip() for line in talk.splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("sudo: ") and line != _END_OF_FILE]
    return "; ".join(own or lines[-1:]) or "sudo gave no reason"


class SudoStream:
    """A stream of a command that another user runs: without sudo's talk, and with the password given to it.

    ``stdin`` is what ``wrap`` said to send first. What is sent before sudo took the password follows it.
    """

    def __init__(self, inner: Stream, sudo: Sudo, stdin: bytes, on_terminal: bool) -> None:
        self._inner = inner
        self._sudo = sudo
        self._on_terminal = on_terminal
        self._talk = b""
        self._begun = False
        self._password = stdin if on_terminal else b""
        self._ahead: list[bytes] | None = [] if on_terminal else None
        self._lock = threading.Lock()
        if not on_terminal:
            inner.send(stdin)

    @property
    def exit_code(self) -> int | None:
        return self._inner.exit_code

    def read(self, timeout_s: float | None = None) -> Output | None:
        """As ``Stream.read``.

        Raises:
            HostUnreachable: also where sudo did not let the command begin.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            output = self._inner.read(None if end is None else max(0.0, end - time.monotonic()))
            if output is None:
                self._ended()
                return None
            heard = output if self._begun else self._listen(output)
            if heard or not output:
                return heard

    def send(self, data: bytes) -> None:
        with self._lock:
            if self._ahead is not None:
                self._ahead.append(data)
                return
        self._inner.send(data)

    def end_input(self) -> None:
        self._inner.end_input()

    def resize(self, terminal: Terminal) -> None:
        self._inner.resize(terminal)

    def close(self) -> None:
        self._inner.close()

    def _listen(self, output: Output) -> Output:
        """Take sudo's talk out of what came, up to the mark behind which the command speaks."""
        self._talk += output.stdout if self._on_terminal else output.stderr
        other = b"" if self._on_terminal else output.stdout
        talk, mark, behind = self._talk.partition(MARK.encode())
        _, newline, rest = behind.partition(b"\n")
        if not (mark and newline):
            return Output(stdout=other)
        if self._password:
            self._talk = talk + rest
            self._inner.send(self._password)
            self._password = b""
            return Output()
        self._begun = True
        with self._lock:
            for data in self._ahead or ():
                self._inner.send(data)
            self._ahead = None
        return Output(stdout=rest) if self._on_terminal else Output(other, rest)

    def _ended(self) -> None:
        if not self._begun and self._inner.exit_code is not None:
            raise self._sudo.refused(self._inner.exit_code, self._talk)
