"""What CI systems get when a command has ended, in whatever way: a JUnit file, annotations, a summary."""

from __future__ import annotations

from os import environ
from pathlib import Path

import click

from deploytool.cli.options import OutputOptions, SiteOptions
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


def ended(options: object, error: DeploytoolError | None) -> None:
    """Write what was asked for, or what the CI system expects.

    Raises:
        UsageError: a file cannot be written.
    """
    shown = options.shown if isinstance(options, SiteOptions) else OutputOptions(progress="")
    if shown.junit:
        from deploytool.report.junit import junit_xml

        tally = click.get_current_context().meta.get(_TALLY, RunSummary())
        problems = error.problems if error else ()
        _write(shown.junit, "--junit", junit_xml(tally, problems, drift_fails=shown.detailed_exitcode), "w")
    if error:
        summarize(problems_markdown(error.problems), shown)
        if _is_on_github(shown):
            for line in annotated(error.problems[:MOST_ANNOTATIONS]):
                click.echo(line, err=True)


def summarize(text: str, shown: OutputOptions) -> None:
    """Append Markdown to the file that was asked for; on GitHub, without one, to the job's summary.

    Raises:
        UsageError: the file cannot be written.
    """
    theirs = environ.get("GITHUB_STEP_SUMMARY") if _is_on_github(shown) else None
    path = shown.summary or (Path(theirs) if theirs else None)
    if path:
        _write(path, "--summary", f"{text}\n", "a")


def _is_on_github(shown: OutputOptions) -> bool:
    return kind_of(shown.progress or environ.get("DEPLOYTOOL_PROGRESS") or "auto") == "github"


def _write(path: Path, option: str, text: str, mode: str) -> None:
    try:
        with path.open(mode, encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{option}: {path} cannot be written: {error.strerror}") from None
