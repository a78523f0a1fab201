"""Connection variables: what ssh would be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploytool.errors import InputError
from deploytool.load.inventory.connection_variables import connection_of
from deploytool.load.inventory.ssh_args import parse_ssh_args
from deploytool.load.inventory.typed_vars import TypedVars
from deploytool.load.text.problems import Problems
from deploytool.model.inventory import Become, Connection
from deploytool.model.secret import Secret


def connect(**variables: Any) -> Connection:
    problems = Problems()
    connection = connection_of("h", TypedVars(variables, problems), lambda options: ())
    problems.raise_if_any()
    return connection


def test_nothing_given() -> None:
    """A silent inventory leaves everything to the SSH configuration."""
    assert connect() == Connection("h")


def test_everything_given() -> None:
    """The current names of all variables."""
    connection = connect(
        ansible_host="10.0.0.1",
        ansible_port="2222",
        ansible_user="deploy",
        ansible_ssh_private_key_file="keys/id",
        ansible_password="p",
        ansible_become="yes",
        ansible_become_user="app",
        ansible_become_password="q",
        ansible_timeout=5,
    )
    assert connection == Connection(
        "10.0.0.1",
        port=2222,
        user="deploy",
        key_files=("keys/id",),
        password=Secret("p"),
        become=Become("app", Secret("q")),
        options=(("connecttimeout", "5"),),
    )
    assert "REDACTED" in repr(connection)


def test_older_spellings_win() -> None:
    """Where both spellings are given, the one with ssh in it wins, as in Ansible."""
    connection = connect(
        ansible_host="new", ansible_ssh_host="old", ansible_port=1, ansible_ssh_port=2,
        ansible_user="new", ansible_ssh_user="old", ansible_password="new", ansible_ssh_pass="old",
        ansible_private_key_file="new", ansible_ssh_private_key_file="old",
        ansible_become=True, ansible_become_pass="b",
    )  # fmt: skip
    assert (connection.address, connection.port, connection.user) == ("old", 2, "old")
    assert (connection.password, connection.key_files) == (Secret("old"), ("old",))
    assert connection.become == Become("root", Secret("b"))


def test_empty_values_count_as_not_given() -> None:
    """Null and the empty string are how inventories switch a group's variable off."""
    assert connect(ansible_host=None, ansible_user="", ansible_port=None, ansible_become="") == Connection(
        "h"
    )


def test_become_user_alone_changes_nothing() -> None:
    """Only ansible_become switches it on."""
    assert connect(ansible_become_user="app").become is None


@pytest.mark.parametrize("kind", ["ssh", "smart", "paramiko", "ansible.builtin.ssh", "paramiko_ssh"])
def test_every_kind_of_ssh(kind: str) -> None:
    """The names of Ansible's ssh connections all mean ssh here."""
    assert connect(ansible_connection=kind).kind == "ssh"


def test_arguments() -> None:
    """Flags and -o forms become options by name, in order; -i, -p, -l and -F find their fields."""
    connection = connect(
        ansible_ssh_common_args=(
            "-o ProxyCommand='ssh -W %h:%p gw' -oUserKnownHostsFile=/k -o 'IdentitiesOnly yes' -J a,b"
            " -CA4 -i ~/.ssh/x -i y -p 99 -l me -F ~/cfg"
        )
    )
    assert connection.options == (
        ("proxycommand", "ssh -W %h:%p gw"),
        ("userknownhostsfile", "/k"),
        ("identitiesonly", "yes"),
        ("proxyjump", "a,b"),
        ("compression", "yes"),
        ("forwardagent", "yes"),
        ("addressfamily", "inet"),
    )
    assert connection.key_files == (str(Path("~/.ssh/x").expanduser()), "y")
    assert (connection.port, connection.user) == (99, "me")
    assert connection.config_file == str(Path("~/cfg").expanduser())


def test_the_first_wins() -> None:
    """ssh_args beat the variables, and those beat common and extra args, as on Ansible's command line."""
    connection = connect(
        ansible_ssh_args="-p 1",
        ansible_port=2,
        ansible_user="var",
        ansible_ssh_common_args="-p 3 -l common -i c",
        ansible_ssh_extra_args="-i e",
        ansible_private_key_file="v",
    )
    assert (connection.port, connection.user, connection.key_files) == (1, "var", ("v", "c", "e"))


def test_unsupported_options_are_told_where_they_are() -> None:
    """What the engine cannot honour is an error of the variable that asks for it."""
    problems = Problems()
    given = TypedVars({"ansible_ssh_extra_args": "-o Foo=1 -C", "ansible_host_key_checking": False}, problems)
    connection_of("h", given, lambda options: [(key, f"no {key}={value}", "hint") for key, value in options])
    assert [problem.message for problem in problems.found] == [
        "no stricthostkeychecking=no",
        "no foo=1",
        "no compression=yes",
    ]


@pytest.mark.parametrize("text", ["-o", "-o Foo", "-o =x", "x", "-o 'a", "-p", "--jump", "-E log"])
def test_broken_arguments(text: str) -> None:
    """What ssh itself would refuse is a sentence."""
    with pytest.raises(ValueError, match=r"has|cannot"):
        parse_ssh_args(text)


def test_only_sudo() -> None:
    """Other ways to become a user are refused, not ignored."""
    with pytest.raises(InputError, match="ansible_become_method is 'su'"):
        connect(ansible_become=True, ansible_become_method="su")
