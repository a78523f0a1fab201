"""The options that make ``ssh`` connect as a target says. Nothing is started."""

from __future__ import annotations

import pytest

from deploytool.model.inventory import Connection
from deploytool.transport.ssh import SshSettings
from deploytool.transport.ssh.openssh_options import options_of
from deploytool.transport.ssh.resolve import resolve
from deploytool.transport.ssh.target import Target
from tests.ssh.home import Home


def target(**parts: object) -> Target:
    return resolve("h1", Connection("shop", **parts), SshSettings())  # type: ignore[arg-type]


def given(arguments: tuple[str, ...] | None) -> dict[str, str]:
    """The options by name; of one that may stand several times, the last."""
    assert arguments is not None
    assert arguments[:2] == ("-F", "none")
    assert set(arguments[2::2]) == {"-o"}
    return dict(argument.split("=", 1) for argument in arguments[3::2])


def test_ssh_has_nothing_to_look_up(home: Home) -> None:
    """Every answer of the configuration is an option, and ssh may not ask anybody."""
    home.configure("Host shop\n User carol\n Port 2022\n Ciphers aes256-ctr\n HostKeyAlias one\n")
    options = given(options_of(target(key_files=("~/mine",)), None))
    assert (options["User"], options["Port"], options["Ciphers"]) == ("carol", "2022", "aes256-ctr")
    assert (options["HostKeyAlias"], options["BatchMode"]) == ("one", "yes")
    assert options["IdentityFile"] == f'"{home.ssh.parent}/mine"'
    assert options["StrictHostKeyChecking"] == "yes"


def test_a_proxy_command_keeps_its_text(home: Home) -> None:
    """Its tokens are filled in, and a percent sign that is left means itself."""
    options = given(options_of(target(options=(("proxycommand", "nc %h %p %%x"),)), None))
    assert options["ProxyCommand"] == "nc shop 22 %%x"


def test_a_jump_host_is_a_stream_of_its_own_ssh(home: Home) -> None:
    """``-W`` of the command for the jump host, quoted for the shell."""
    home.configure("Host jump1\n HostName 192.0.2.1\n")
    options = given(options_of(target(options=(("proxyjump", "jump1"),)), ("ssh", "-o", "User=a b")))
    assert options["ProxyCommand"] == "ssh -o 'User=a b' -W '[shop]:22' -- 192.0.2.1"


@pytest.mark.parametrize(
    "parts",
    [
        {"options": (("forwardagent", "yes"),)},
        {"options": (("preferredauthentications", "password"),)},
        {"key_files": ('/a"quote',)},
        {"key_files": ("/a$h",)},
    ],
)
def test_what_ssh_cannot_be_told_has_no_options(parts: dict[str, object], home: Home) -> None:
    """An agent to forward, a password to ask for, a path that ssh would read otherwise."""
    assert options_of(target(**parts), None) is None
