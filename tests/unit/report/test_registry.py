"""Formats, reporters and report files by name: each keeps the promise of its kind."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from deploytool.model.event import Report
from deploytool.model.plan import Plan
from deploytool.report import registry
from deploytool.report.base import PlanView, Reporter, ReportFile, RunFormat, RunRecord
from deploytool.report.log_lines import LogFormat
from deploytool.report.registry import REPORT_FILES, REPORTERS, RUN_FORMATS, Registry, detected, reporter_of
from deploytool.report.run_summary import RunSummary
from deploytool.report.status import StatusFormat

REGISTRIES = {name: one for name, one in vars(registry).items() if isinstance(one, Registry)}
PROMISES = {
    "RUN_FORMATS": RunFormat,
    "REPORTERS": Reporter,
    "REPORT_FILES": ReportFile,
    "STATUS_FORMATS": StatusFormat,
    "LOG_FORMATS": LogFormat,
}
VIEW = PlanView(Plan(), dict)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in REGISTRIES.items() for name in names]
)
def test_every_name_is_of_its_kind(kind, name):
    """A class that keeps its promise, or a function for what is printed once."""
    found = REGISTRIES[kind][name]
    assert issubclass(found, PROMISES[kind]) if kind in PROMISES else callable(found)


def test_names_are_there_without_an_import():
    """``--help`` lists them and pays for none."""
    code = (
        "import sys\n"
        "from deploytool.report.registry import RUN_FORMATS, REPORTERS\n"
        "assert [*RUN_FORMATS, *REPORTERS] and 'text' in RUN_FORMATS and len(REPORTERS) > 1\n"
        "rooms = ('deploytool.report.', 'deploytool.model')\n"
        "loaded = [name for name in sys.modules if name.startswith(rooms)]\n"
        "assert loaded == ['deploytool.report.registry'], loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", RUN_FORMATS)
def test_formats_end_their_lines(name):
    """Text is printed as it is, with nothing behind it."""
    form = RUN_FORMATS[name]()
    for text in (form.plan(VIEW), form.proposal(VIEW), form.report(VIEW, Report(Plan()), RunSummary())):
        assert not text or text.endswith("\n")


@pytest.mark.parametrize("name", REPORT_FILES)
def test_every_report_file_is_an_option(name):
    """A run's options have a path for each. Where nothing was done, only JUnit has something to tell."""
    from deploytool.cli.options import OutputOptions

    assert name in {field.name for field in fields(OutputOptions)}
    assert list(OutputOptions().files()) == list(REPORT_FILES)
    assert bool(REPORT_FILES[name]().text(RunRecord())) == (name == "junit")


def test_an_unknown_name_in_the_environment_is_no_error():
    """Of a command that has no --progress the environment is not checked."""
    assert reporter_of("no such", {}, terminal=True) is REPORTERS["plain"]
    assert reporter_of("auto", {"GITHUB_ACTIONS": "true"}, terminal=False) is REPORTERS["github"]
    assert reporter_of("", {"TERM": "xterm"}, terminal=True) is REPORTERS["live"]


@pytest.mark.parametrize(
    ("environ", "terminal", "kind"),
    [
        ({"TERM": "xterm"}, True, "live"),
        ({"TERM": "xterm"}, False, "plain"),
        ({"TERM": "dumb"}, True, "plain"),
        ({}, True, "plain"),
        ({"TERM": "xterm", "CI": "true"}, True, "plain"),
        ({"TERM": "xterm", "GITHUB_ACTIONS": "true"}, False, "github"),
        ({"TERM": "xterm", "GITLAB_CI": "true"}, True, "gitlab"),
        ({"TERM": "xterm", "TF_BUILD": "True"}, False, "azure"),
    ],
)
def test_the_environment_decides_where_nobody_does(environ, terminal, kind):
    """A person, a log, or a CI system."""
    assert detected(environ, terminal=terminal) == kind
