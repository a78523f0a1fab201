"""Runs a command as another user through sudo: pure wrapping of argv and stdin, and reading of the result.

Nothing here runs anything. The password travels on stdin only, never in argv or the environment.

How the password stays out of the command's own input, whatever sudo does: sudo does not always read it
(cached credentials, NOPASSWD), and asks again after a wrong one, which would eat the command's input and
may lock the account. So the remote shell first gives sudo the password alone, to run ``true``: one try, then
end of file. Only when that worked, sudo runs the command with the password once more, then ``MARK``, then the
command's input; an inner shell drops all lines up to ``MARK``, so it does not matter whether sudo read one.

The inner shell also writes ``MARK`` to stderr before it becomes the command. What comes before it is sudo's
own talk, and a result without it means that the command never began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from deploytool.engine.base import Result
from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Become

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
        password = self.become.password.reveal()
        if set(password) & set("\r\n\0"):
            raise self._error("the become password holds a line break or a NUL byte", "correct the password")
        line = password.encode() + b"\n"
        check_first = ("sh", "-c", _CHECK_FIRST, "sh", self.become.user, "sh", "-c", _SKIP, "sh", *argv)
        return Command(check_first, line + line + MARK.encode() + b"\n" + stdin)

    def unwrap(self, result: Result) -> Result:
        """The command's own result, without sudo's talk.

        Raises:
            HostUnreachable: sudo did not let the command begin; the message has sudo's reason.
        """
        talk, began, stderr = result.stderr.partition(MARK.encode() + b"\n")
        if began:
            return replace(result, stderr=stderr)
        raise self._refused(result.exit_code, _reason(talk.decode(errors="replace")))

    def _refused(self, exit_code: int, reason: str) -> HostUnreachable:
        if exit_code == 127:
            hint = "install sudo on the host, or connect as a user who needs no become"
        elif self.become.password is None:
            hint = "set ansible_become_password, or allow it with NOPASSWD in the host's sudoers"
        else:
            hint = "check ansible_become_password, and with 'sudo -l' on the host what the user may do"
        how = "without a password" if self.become.password is None else "with the become password"
        return self._error(f"cannot become {self.become.user} {how}: {reason}", hint)

    def _error(self, message: str, hint: str) -> HostUnreachable:
        return HostUnreachable(message, hint=hint, host=self.host_name, setup=True)


def _reason(talk: str) -> str:
    """What sudo itself said, without the lecture and without our end of file after the password."""
    lines = [line.strip() for line in talk.splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("sudo: ") and line != _END_OF_FILE]
    return "; ".join(own or lines[-1:]) or "sudo gave no reason"
