"""Running a command as another user through sudo: wraps argv and stdin, and reads sudo's own output.

Nothing is started here. The password travels on stdin only, never in argv or the environment.

The password must not end up in the command's input. sudo does not always read it (cached credentials,
NOPASSWD), and after a wrong one it asks again, which would consume the command's input and may lock the
account. So the remote shell first gives sudo the password alone, to run ``true``: one try, then end of file.
Only when that worked, sudo runs the command with the password once more, then ``MARK``, then the command's
input; an inner shell drops all lines up to ``MARK``, so it does not matter whether sudo read one.

The inner shell also writes ``MARK`` to stderr before it becomes the command. The text before it is sudo's
own; a result without it means that the command never started.

A terminal echoes input that is sent before a program reads it. So the remote shell first switches the echo
off and writes ``MARK``, then reads the password, and passes it to sudo by a pipe instead of the terminal; the
inner shell restores the terminal's settings, writes ``MARK`` and becomes the command.
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
    """A command and its input."""

    argv: tuple[str, ...]
    stdin: bytes


@dataclass(frozen=True, slots=True)
class Sudo:
    """sudo to one user on one host: ``wrap`` a command, run it, ``unwrap`` its result."""

    host_name: str
    become: Become

    @classmethod
    def needed(cls, host_name: str, login_user: str, become: Become | None) -> Sudo | None:
        """None where no other user is asked for: as in Ansible, root does not sudo to root."""
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
        self, argv: Sequence[str], terminal: Terminal | None, start: Callable[[Sequence[str]], Stream]
    ) -> SudoStream:
        """Start ``argv`` as the other user; ``start`` runs the wrapped command.

        Raises:
            HostUnreachable: as ``wrap``. A refusal of sudo is raised when the stream is read.
        """
        wrapped = self.wrap(argv, b"") if terminal is None else self._wrap_terminal(argv)
        return SudoStream(start(wrapped.argv), self, wrapped.stdin, terminal is not None)

    def _wrap_terminal(self, argv: Sequence[str]) -> Command:
        """The command for a terminal; its stdin is to be sent after the first ``MARK``."""
        if self.become.password is None:
            return self.wrap(argv, b"")
        line = self._password_line(self.become.password)
        return Command(("sh", "-c", _ON_TERMINAL, "sh", self.become.user, *argv), line)

    def unwrap(self, result: Result) -> Result:
        """The command's own result, without the output of sudo itself.

        Raises:
            HostUnreachable: sudo refused to run the command; the message has sudo's reason.
        """
        sudo_output, started, stderr = result.stderr.partition(MARK.encode() + b"\n")
        if started:
            return replace(result, stderr=stderr)
        raise self.refused(result.exit_code, sudo_output)

    def refused(self, exit_code: int, sudo_output: bytes) -> HostUnreachable:
        """The error for a command that sudo did not start, with the reason that sudo gave."""
        reason = _reason(sudo_output.decode(errors="replace"))
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


def _reason(sudo_output: str) -> str:
    """The messages of sudo, without the lecture and without our end of file after the password."""
    lines = [line.strip() for line in sudo_output.splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("sudo: ") and line != _END_OF_FILE]
    return "; ".join(own or lines[-1:]) or "sudo gave no reason"


class SudoStream:
    """The stream of a command that runs through sudo: answers sudo's question and removes sudo's output.

    ``stdin`` is that of the wrapped command. On a terminal, input that is sent before the command has started
    is kept and follows the password.
    """

    def __init__(self, inner: Stream, sudo: Sudo, stdin: bytes, on_terminal: bool) -> None:
        self._inner = inner
        self._sudo = sudo
        self._on_terminal = on_terminal
        self._sudo_output = b""
        self._started = False
        self._password = stdin if on_terminal else b""
        self._early_input: list[bytes] | None = [] if on_terminal else None
        self._lock = threading.Lock()
        if not on_terminal:
            inner.send(stdin)

    @property
    def exit_code(self) -> int | None:
        return self._inner.exit_code

    def read(self, timeout_s: float | None = None) -> Output | None:
        """As ``Stream.read``.

        Raises:
            HostUnreachable: also where sudo refused to run the command.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            output = self._inner.read(None if end is None else max(0.0, end - time.monotonic()))
            if output is None:
                self._ended()
                return None
            of_command = output if self._started else self._without_sudo(output)
            if of_command or not output:
                return of_command

    def send(self, data: bytes) -> None:
        with self._lock:
            if self._early_input is not None:
                self._early_input.append(data)
                return
        self._inner.send(data)

    def end_input(self) -> None:
        self._inner.end_input()

    def resize(self, terminal: Terminal) -> None:
        self._inner.resize(terminal)

    def close(self) -> None:
        self._inner.close()

    def _without_sudo(self, output: Output) -> Output:
        """The part of the output that the command wrote: all behind the last ``MARK``."""
        self._sudo_output += output.stdout if self._on_terminal else output.stderr
        other = b"" if self._on_terminal else output.stdout
        before, mark, behind = self._sudo_output.partition(MARK.encode())
        _, newline, rest = behind.partition(b"\n")
        if not (mark and newline):
            return Output(stdout=other)
        if self._password:
            self._sudo_output = before + rest
            self._send_password()
            return Output()
        self._send_early_input()
        return Output(stdout=rest) if self._on_terminal else Output(other, rest)

    def _send_password(self) -> None:
        self._inner.send(self._password)
        self._password = b""

    def _send_early_input(self) -> None:
        self._started = True
        with self._lock:
            for data in self._early_input or ():
                self._inner.send(data)
            self._early_input = None

    def _ended(self) -> None:
        if not self._started and self._inner.exit_code is not None:
            raise self._sudo.refused(self._inner.exit_code, self._sudo_output)
