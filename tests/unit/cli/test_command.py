"""What every command shares: help by purpose, and options that the environment sets."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from deploytool.cli import app
from deploytool.cli.command import Command
from tests.command_line import commands, run


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda value: str(value))
def test_every_command_is_one_of_ours(name, command):
    """Or its options would have no purpose in --help, and no name in the environment."""
    assert isinstance(command, Command), name


def test_help_groups_options_by_purpose():
    """What to read, how to reach hosts, what is allowed, what is shown: each under its heading, once."""
    text = CliRunner().invoke(app, ["converge", "--help"]).output
    sections = {part.split(":", 1)[0]: part for part in text.split("\n\n")}
    assert "--extra-vars" in sections["What to read"]
    assert "--forks" in sections["Reaching hosts"]
    assert "--adopt" in sections["What is allowed"]
    assert "--diff" in sections["What is shown"]
    assert "--lock-wait" in sections["Carrying it out"]
    assert text.count("--extra-vars") == 1


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"DEPLOYTOOL_LIMIT": "h2"}, 2),
        ({"DEPLOYTOOL_PLAN_LIMIT": "h2"}, 2),
        ({"DEPLOYTOOL_PLAN_LIMIT": "h1", "DEPLOYTOOL_LIMIT": "h2"}, 4),
        ({"DEPLOYTOOL_CONVERGE_LIMIT": "h2"}, 4),
        ({"DEPLOYTOOL_VERSION": "1"}, 4),
    ],
    ids=str,
)
def test_the_environment_sets_options(site, environ, code):
    """DEPLOYTOOL_<OPTION> for all, DEPLOYTOOL_<COMMAND>_<OPTION> for one, which wins. There is no host h2."""
    done = run("plan", "hosts.yaml", "site.yaml", cwd=site, **environ)
    assert done.returncode == code, done.stderr


def test_connections_are_kept_only_where_they_can_be(site):
    """Where not, that is an error of the command line, before any host is asked."""
    keep = {"DEPLOYTOOL_KEEP_CONNECTIONS": "1m", "XDG_RUNTIME_DIR": "/proc/nowhere"}
    done = run("plan", "hosts.yaml", "site.yaml", cwd=site, **keep)
    assert done.returncode == 2, done.stderr
    assert "--keep-connections: /proc/nowhere/deploytool: no such file or directory" in done.stderr


def test_extra_variables_in_the_environment_are_one_text(site):
    """A secret of a CI system may hold spaces, and JSON mostly does."""
    (site / "site.yaml").write_text(
        "- {name: Shop, hosts: all, services: {web: {image: '{{ tag }}', environment: {A: '{{ a }}'}}}}\n"
    )
    done = run(
        "validate", "hosts.yaml", "site.yaml", cwd=site, DEPLOYTOOL_EXTRA_VARS='{"tag": "x", "a": "b c"}'
    )
    assert done.returncode == 0, done.stderr
