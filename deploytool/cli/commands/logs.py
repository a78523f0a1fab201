"""``deploytool logs``: the output of replicas on all hosts, by time."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import click

from deploytool.backend.base import Feed
from deploytool.cli.command import command
from deploytool.cli.host_commands import follow, host_session
from deploytool.cli.options import (
    LookingOptions,
    LookOptions,
    MixedFileOptions,
    duration,
    flag,
    forks_option,
    format_option,
    tags_option,
)
from deploytool.cli.session import load
from deploytool.core.placement.replica_names import wanted_services
from deploytool.model.log import Live, LogLine, LogQuery
from deploytool.report.registry import LOG_FORMATS


def since(text: str) -> str:
    """A duration before now, or a moment (here, where it has no zone) → as Docker takes it.

    Raises:
        BadParameter: it is neither.
    """
    try:
        return f"{duration(text):g}s"
    except ValueError:
        pass
    try:
        return f"{datetime.fromisoformat(text.replace('Z', '+00:00')).timestamp():.9f}"
    except ValueError:
        sentence = f"'{text}' is neither a duration (10m, 1h30m) nor a moment (2026-01-31T12:00:00Z)"
        raise click.BadParameter(sentence) from None


def tail(text: str) -> int | None:
    """A number of lines; None for ``all``.

    Raises:
        BadParameter: it is neither.
    """
    if text != "all" and not (text.isascii() and text.isdecimal()):
        raise click.BadParameter(f"'{text}' is neither a number of lines nor 'all'")
    return None if text == "all" else int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFileOptions(MixedFileOptions):
    """The files of ``logs``, where ``-t`` is ``--timestamps``; the other words are services."""

    words: Annotated[
        tuple[str, ...],
        click.Argument(["words"], metavar="[PLAYBOOK]... [SERVICE]...", nargs=-1, required=False),
    ] = ()
    tags: Annotated[tuple[str, ...], tags_option("--tags")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHostOptions(LookOptions):
    """The hosts of ``logs``, where ``-f`` is ``--follow``."""

    forks: Annotated[int, forks_option("--forks")] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsOptions(LookingOptions):
    """Options of ``logs``."""

    files: LogFileOptions
    hosts: LogHostOptions
    follow: Annotated[
        bool, flag("-f", "--follow", help="Go on with what is written, also by new replicas.")
    ] = False
    since: Annotated[
        str | None,
        click.Option(["--since"], type=since, metavar="WHEN", help="Not what is older: 10m, or a moment."),
    ] = None
    tail: Annotated[
        int | None,
        click.Option(
            ["--tail"],
            type=tail,
            metavar="N",
            default="all",
            show_default=True,
            help="Lines of each replica.",
        ),
    ]
    timestamps: Annotated[bool, flag("-t", "--timestamps", help="Begin each line with its time.")] = False
    output: Annotated[str, format_option(LOG_FORMATS)] = "text"


@command(LogsOptions)
def logs(options: LogsOptions) -> int:
    """Show what the replicas of services wrote, on all hosts, merged by time.

    Without a service: of all. A host that fails is reported, and the others go on.

    Example: deploytool logs inventories/lab.yaml web --follow --tail 10
    """
    files, names = options.files.split()
    intent = load(files).intent
    wanted = wanted_services(names, intent)
    query = LogQuery(
        tuple((one.project, one.service) for one in wanted),
        options.since or "",
        options.tail,
        options.follow,
    )
    form = LOG_FORMATS[options.output](
        colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
        timestamps=options.timestamps,
        several=len({one.project for one in wanted}) > 1,
    )
    with host_session(intent, wanted, options) as hosts:

        def opened(host: str, last: LogLine | Live | None) -> Feed[LogLine | Live]:
            return hosts.backend.logs(host, _after(query, last))

        def show(host: str, line: LogLine | Live) -> str:
            if isinstance(line, Live):
                return ""
            return form.line(host, line)

        def when(line: LogLine | Live) -> tuple[str, float]:
            return (line.when if isinstance(line, LogLine) else "", 0.0)

        return follow(hosts, opened, when, show, again=options.follow, is_live=_is_live)


def _is_live(line: LogLine | Live) -> bool:
    return isinstance(line, Live)


def _after(query: LogQuery, last: LogLine | Live | None) -> LogQuery:
    """The same query behind the last line that was printed."""
    if not isinstance(last, LogLine) or not last.when:
        return query
    moment = datetime.fromisoformat(f"{last.when[:19]}+00:00")
    nanos = int(last.when[20:29]) + 1
    return LogQuery(query.services, f"{int(moment.timestamp())}.{nanos:09}", None, query.follow)
