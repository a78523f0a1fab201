"""Becoming another user: what is run, and what sudo's answer means.

A stand-in for sudo on PATH does what the real one does with its input: asks or does not ask, once or again.
The real one is in the lab's tests.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploytool.errors import HostUnreachable
from deploytool.model.inventory import Become
from deploytool.model.secret import Secret
from deploytool.transport.base import Result
from deploytool.transport.sudo import MARK, Sudo

PASSWORD = "correct horse"
NO_PASSWORD = Sudo("h1", Become("root"))
WITH_PASSWORD = Sudo("h1", Become("root", Secret(PASSWORD)))

# Like sudo: up to three tries with -S, none with -n; ``asks`` says when it wants a password at all.
STAND_IN = """\
#!/bin/sh
asks=$(cat "$STATE/asks"); stdin=no
while [ "$1" != -- ]; do
    case $1 in -n) asks=${asks%always}never-n;; -S) stdin=yes;; -p|-u) shift;; esac
    shift
done
shift
case $asks in
    never) exec "$@";;
    *never-n) [ "$asks" = nevernever-n ] && exec "$@"; echo 'sudo: a password is required' >&2; exit 1;;
esac
[ "$asks" = once ] && echo never > "$STATE/asks"
for try in 1 2 3; do
    IFS= read -r given || { echo 'sudo: no password was provided' >&2; exit 1; }
    echo "$given" >> "$STATE/given"
    [ "$given" = "$(cat "$STATE/password")" ] && exec "$@"
    echo 'Sorry, try again.' >&2
done
echo 'sudo: 3 incorrect password attempts' >&2; exit 1
"""


class Machine:
    """A PATH with the stand-in; ``asks`` is always, once (then cached) or never (NOPASSWD)."""

    def __init__(self, path: Path, asks: str) -> None:
        self.path = path
        (path / "asks").write_text(asks)
        (path / "password").write_text(PASSWORD)
        sudo = path / "sudo"
        sudo.write_text(STAND_IN)
        sudo.chmod(0o755)

    def run(self, sudo: Sudo, argv: list[str], stdin: bytes = b"") -> Result:
        command = sudo.wrap(argv, stdin)
        assert PASSWORD not in " ".join(command.argv)
        environment = {"PATH": f"{self.path}:{os.environ['PATH']}", "STATE": str(self.path)}
        done = subprocess.run(
            command.argv, input=command.stdin, capture_output=True, env=environment, timeout=20
        )
        return sudo.unwrap(Result(done.returncode, done.stdout, done.stderr))

    @property
    def given(self) -> list[str]:
        file = self.path / "given"
        return file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize("asks", ["always", "once", "never"])
def test_the_command_gets_its_own_input_whatever_sudo_does(asks: str, tmp_path: Path) -> None:
    """Asked each time, cached after the first, or NOPASSWD: the password never reaches the command."""
    data = f"{PASSWORD}\n{MARK}\n\x00binary".encode()
    result = Machine(tmp_path, asks).run(WITH_PASSWORD, ["sh", "-c", "cat; echo err >&2; exit 4"], data)
    assert result == Result(4, data, b"err\n")


def test_a_wrong_password_is_given_once(tmp_path: Path) -> None:
    """One try, so that accounts are not locked; none of the command's input is offered as a password."""
    machine = Machine(tmp_path, "always")
    wrong = Sudo("h1", Become("root", Secret("wrong")))
    with pytest.raises(
        HostUnreachable, match="cannot become root with the become password: sudo: "
    ) as caught:
        machine.run(wrong, ["touch", str(tmp_path / "ran")], b"line\n" * 10)
    assert (caught.value.host, caught.value.setup) == ("h1", True)
    assert "ansible_become_password" in caught.value.hint
    assert machine.given == ["wrong"]
    assert not (tmp_path / "ran").exists()


def test_without_a_password_sudo_must_not_ask(tmp_path: Path) -> None:
    """``sudo -n`` ends at once with a sentence, or runs the command with its input."""
    with pytest.raises(HostUnreachable, match="without a password: sudo: a password is required") as caught:
        Machine(tmp_path, "always").run(NO_PASSWORD, ["true"])
    assert "NOPASSWD" in caught.value.hint
    assert Machine(tmp_path, "never").run(NO_PASSWORD, ["cat"], b"in") == Result(0, b"in")


@pytest.mark.parametrize("sudo", [NO_PASSWORD, WITH_PASSWORD])
def test_a_host_without_sudo_is_said(sudo: Sudo, tmp_path: Path) -> None:
    """Not to be confused with a command that does not exist."""
    machine = Machine(tmp_path, "never")
    (tmp_path / "sudo").write_text("#!/bin/sh\necho 'sh: sudo: not found' >&2; exit 127\n")
    with pytest.raises(HostUnreachable, match="not found") as caught:
        machine.run(sudo, ["true"])
    assert caught.value.hint.startswith("install sudo")


@pytest.mark.parametrize("sudo", [NO_PASSWORD, WITH_PASSWORD])
def test_a_missing_command_is_a_result(sudo: Sudo, tmp_path: Path) -> None:
    """sudo worked, so 127 is the command's own."""
    assert Machine(tmp_path, "never").run(sudo, ["no-such-command"]).exit_code == 127


def test_all_that_sudo_itself_says_is_the_reason() -> None:
    """Not the lecture, and not that the input ended after the one password."""
    said = b"Lecture.\nsudo: unknown user x\nsudo: no password was provided\nsudo: error initializing\n"
    with pytest.raises(HostUnreachable, match=r"sudo: unknown user x; sudo: error initializing$"):
        NO_PASSWORD.unwrap(Result(1, b"", said))
    with pytest.raises(HostUnreachable, match=r"me is not in the sudoers file\.$"):
        WITH_PASSWORD.unwrap(Result(1, b"", b"me is not in the sudoers file.\n"))


def test_what_sudo_says_before_is_not_the_command_s() -> None:
    """The lecture of the first use is dropped, everything after the mark is kept."""
    said = f"We trust you have received the usual lecture\n{MARK}\nreal\n{MARK}\n".encode()
    assert NO_PASSWORD.unwrap(Result(0, b"", said)).stderr == f"real\n{MARK}\n".encode()


@pytest.mark.parametrize("password", ["a\nb", "a\rb", "a\0b"])
def test_a_password_of_several_lines_is_refused(password: str) -> None:
    """sudo would take the second line for the next try."""
    with pytest.raises(HostUnreachable, match="line break or a NUL"):
        Sudo("h1", Become("root", Secret(password))).wrap(["true"], b"")


def test_nobody_becomes_who_they_are() -> None:
    """As in Ansible: root on a host without sudo can have become set."""
    become = Become("root")
    assert Sudo.needed("h1", "root", become) is None
    assert Sudo.needed("h1", "someone", None) is None
    assert Sudo.needed("h1", "someone", become) == NO_PASSWORD


@given(
    password=st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])), stdin=st.binary()
)
def test_the_password_is_on_stdin_only(password: str, stdin: bytes) -> None:
    """Any password: argv does not depend on it, and the input of the command is at the end, unchanged."""
    command = Sudo("h1", Become("root", Secret(password))).wrap(["true"], stdin)
    assert command.argv == WITH_PASSWORD.wrap(["true"], stdin).argv
    assert command.stdin == f"{password}\n{password}\n{MARK}\n".encode() + stdin


@settings(max_examples=10, deadline=None)
@given(argument=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_arguments_pass_both_shells(argument: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two shells and sudo later an argument is what it was."""
    machine = Machine(tmp_path_factory.mktemp("sudo"), "always")
    assert machine.run(WITH_PASSWORD, ["printf", "%s", argument]).stdout == argument.encode()
