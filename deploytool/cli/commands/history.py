"""``deploytool history`` and ``rollback``: the releases on the hosts, and going back to one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import click

from deploytool.cli.command import command
from deploytool.cli.options import ChangingOptions, SiteOptions, format_option
from deploytool.cli.run_command import carry_out, running
from deploytool.cli.screen import Screen, screen_of
from deploytool.cli.session import load
from deploytool.errors import UsageError
from deploytool.model.event import Note
from deploytool.report.history import History
from deploytool.report.registry import HISTORY_FORMATS
from deploytool.run.converge import Run
from deploytool.run.rollback import release_history


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryOptions(SiteOptions):
    """Options of ``history``."""

    output: Annotated[str, format_option(HISTORY_FORMATS, show_default=True)] = "text"


@command(HistoryOptions)
def history(options: HistoryOptions) -> int:
    """Show the releases that the hosts remember: when, who, which commit, what changed, how it ended.

    Example: deploytool history inventories/lab.yaml
    """
    loaded = load(options.files)
    screen = Screen(verbose=options.files.verbose)
    with running(loaded, screen, "history", options) as run:
        seen = run.observe()
        read = [
            release_history(project, seen, run.backend, run.options.forks) for project in run.intent.projects
        ]
        screen.drain()
    histories = [History(one.project, one.releases, one.current) for one in read]
    click.echo(HISTORY_FORMATS[options.output](histories), nl=False)
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackOptions(ChangingOptions):
    """Options of ``rollback``."""

    number: Annotated[
        int | None,
        click.Option(
            ["--to"],
            type=int,
            help="The release to go back to; default: the one before the current one.",
        ),
    ] = None
    project: Annotated[
        str | None, click.Option(["--project"], help="Which project, where the playbook has several.")
    ] = None


@command(RollbackOptions)
def rollback(options: RollbackOptions) -> int:
    """Go back to an earlier release, as a rolling update of its own.

    Without a number: to the release before the current one; in the middle of an update that was paused or
    interrupted, to what ran before it. A number after the playbooks is the release, as --to.

    Example: deploytool rollback inventories/lab.yaml 3
    """
    number, playbooks = _release(options.number, options.files.playbooks)
    loaded = load(replace(options.files, playbooks=playbooks))
    screen = screen_of(options)
    with running(loaded, screen, "rollback", options) as run:
        _go_back(run, number, options.project)
        return carry_out(run, screen, options)


def _release(number: int | None, words: tuple[Path, ...]) -> tuple[int | None, tuple[Path, ...]]:
    """Tell the release from the playbooks: it is the last word, a number, and no file.

    Raises:
        UsageError: two numbers are given.
    """
    if not words or not str(words[-1]).isdecimal() or words[-1].exists():
        return number, words
    if number is not None:
        raise UsageError(f"release {number} and release {words[-1]}: which one?")
    return int(str(words[-1])), words[:-1]


def _go_back(run: Run, number: int | None, project: str | None) -> None:
    """Make the older release the intent of the run."""
    names = [p.name for p in run.intent.projects]
    if project is not None and project not in names:
        raise UsageError(f"--project: there is no project '{project}'", hint=f"there are {', '.join(names)}")
    if number is not None and project is None and len(names) > 1:
        raise UsageError("--to needs --project, since each project counts its own releases")
    chosen = [p for p in run.intent.projects if project in (None, p.name)]
    seen = run.observe()
    histories = [release_history(one, seen, run.backend, run.options.forks) for one in chosen]
    wanted = [(old, old.rollback_target(number)) for old in histories]
    for old, release in wanted:
        what = (
            ", which ran before the update that came to no end" if old.update_begun and number is None else ""
        )
        run.emit(Note(f"{old.project}: going back to release {release.number}{what}"))
    run.roll_back_to(wanted)
