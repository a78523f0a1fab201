"""Files and annotations that CI systems get when a command has ended, in whatever way."""

from __future__ import annotations

import sys
from os import environ
from pathlib import Path

import click

from deploytool.cli.options import OutputOptions, SiteOptions
from deploytool.cli.output_files import write_text
from deploytool.errors import DeploytoolError
from deploytool.report.base import Reporter, RunRecord
from deploytool.report.registry import REPORT_FILES, reporter_of

_RECORD = "deploytool.record"


def run_record() -> RunRecord:
    """The account of the command that runs, from which its files are written."""
    record: RunRecord = click.get_current_context().meta.setdefault(_RECORD, RunRecord())
    return record


def ended(options: object, error: DeploytoolError | None) -> None:
    """Write the files that were asked for or that the CI system expects, and its lines about an error.

    Raises:
        UsageError: a file cannot be written.
    """
    shown = options.shown if isinstance(options, SiteOptions) else OutputOptions(progress="")
    asked = shown.progress or environ.get("DEPLOYTOOL_PROGRESS", "")
    reporter = reporter_of(asked, environ, terminal=sys.stderr.isatty())
    record = run_record()
    record.problems = error.problems if error else ()
    record.drift_fails = shown.detailed_exitcode
    _write_files(record, shown, reporter)
    for line in reporter.problem_lines(record.problems):
        click.echo(line, err=True)


def _write_files(record: RunRecord, shown: OutputOptions, reporter: type[Reporter]) -> None:
    paths = shown.files()
    theirs = reporter.summary_file(environ)
    if theirs and paths["summary"] is None:
        paths["summary"] = Path(theirs)
    for name, path in paths.items():
        if path is not None:
            file = REPORT_FILES[name]()
            text = file.text(record)
            if text:
                write_text(path, text, f"--{name}", append=file.appends)
