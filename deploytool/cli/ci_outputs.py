"""What CI systems get when a command has ended, in whatever way: a JUnit file, annotations, a summary."""

from __future__ import annotations

from collections.abc import Mapping
from os import environ
from pathlib import Path
from typing import Any

import click

from deploytool.cli.progress import kind_of
from deploytool.errors import DeploytoolError, UsageError
from deploytool.report.github import annotated
from deploytool.report.markdown import problems_markdown
from deploytool.report.run_summary import RunSummary

_TALLY = "deploytool.tally"
MOST_ANNOTATIONS = 10  # GitHub shows no more of a step


def keep(tally: RunSummary) -> None:
    """Remember what became of the hosts until the command that runs has ended."""
    click.get_current_context().meta[_TALLY] = tally


def ended(ctx: click.Context, error: DeploytoolError | None) -> None:
    """Write what was asked for, or what the CI system expects.

    Raises:
        UsageError: a file cannot be written.
    """
    options = ctx.params
    if options.get("junit"):
        from deploytool.report.junit import junit_xml

        tally = ctx.meta.get(_TALLY, RunSummary())
        problems = error.problems if error else ()
        _write(
            options["junit"],
            "--junit",
            junit_xml(tally, problems, drift_fails=options["detailed_exitcode"]),
            "w",
        )
    if error:
        summarize(problems_markdown(error.problems), options)
        if _is_on_github(options):
            for line in annotated(error.problems[:MOST_ANNOTATIONS]):
                click.echo(line, err=True)


def summarize(text: str, options: Mapping[str, Any]) -> None:
    """Append Markdown to the file that was asked for; on GitHub, without one, to the job's summary.

    Raises:
        UsageError: the file cannot be written.
    """
    theirs = environ.get("GITHUB_STEP_SUMMARY") if _is_on_github(options) else None
    path = options.get("summary") or (Path(theirs) if theirs else None)
    if path:
        _write(path, "--summary", f"{text}\n", "a")


def _is_on_github(options: Mapping[str, Any]) -> bool:
    return kind_of(options.get("progress") or environ.get("DEPLOYTOOL_PROGRESS") or "auto") == "github"


def _write(path: Path, option: str, text: str, mode: str) -> None:
    try:
        with path.open(mode, encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be written: {error.strerror}") from None
