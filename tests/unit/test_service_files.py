"""The files that run a watcher as a service say what the command understands."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from deploytool.cli.commands.watch import watch

CONTRIB = Path(__file__).parents[2] / "contrib"


def options() -> set[str]:
    """All that `deploytool watch` knows."""
    return {name for option in watch.params if isinstance(option, click.Option) for name in option.opts}


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment]  # systemd's keys have capitals
    parser.read(CONTRIB / "systemd" / "deploytool-watch@.service", "utf-8")
    return parser


def service() -> dict[str, object]:
    return yaml.safe_load((CONTRIB / "compose" / "compose.yaml").read_text("utf-8"))["services"]["watch"]


@pytest.mark.parametrize(
    "argv",
    [shlex.split(unit()["Service"]["ExecStart"])[1:], service()["command"]],
    ids=["systemd", "compose"],
)
def test_the_command_line_is_one_that_the_command_takes(argv):
    """A renamed option would stop every service at its next start."""
    assert argv[0] == "watch"
    assert {word for word in argv if word.startswith("-")} <= options()


@pytest.mark.parametrize("path", sorted(CONTRIB.glob("*/*")), ids=lambda path: path.name)
def test_variables_are_options(path):
    """What is set by DEPLOYTOOL_… is an option, too."""
    known = {f"DEPLOYTOOL_{name.lstrip('-').replace('-', '_').upper()}" for name in options()}
    named = set(re.findall(r"\bDEPLOYTOOL_[A-Z_]+", path.read_text("utf-8")))
    assert named <= known


def test_both_give_it_the_time_that_it_needs_to_stop():
    """Five seconds; a service manager that kills it earlier would leave leases behind."""
    assert int(unit()["Service"]["TimeoutStopSec"]) > 5
    assert int(str(service()["stop_grace_period"]).removesuffix("s")) > 5
    assert unit()["Service"]["KillMode"] == "mixed"
