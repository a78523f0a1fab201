"""``deploytool logs``: what replicas write, on all hosts, by time."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from deploytool.backend.base import Feed
from deploytool.cli import options as shared
from deploytool.cli.command import Command
from deploytool.cli.host_commands import across, following, loaded_intent, words_of
from deploytool.core.placement.replica_names import wanted_services
from deploytool.model.log import Live, LogLine, LogQuery
from deploytool.report.log_lines import LogPrinter, log_json


def since(text: str) -> str:
    """A duration before now, or a moment (here, where it has no zone) → as Docker takes it.

    Raises:
        BadParameter: it is neither.
    """
    try:
        return f"{shared.duration(text):g}s"
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


@click.command(cls=Command)
@shared.long_only(shared.files_and("[SERVICE]..."), "-t")
@shared.long_only(shared.looking, "-f")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written, also by new replicas.")
@click.option("--since", type=since, metavar="WHEN", help="Not what is older: 10m, or a moment.")
@click.option(
    "--tail", type=tail, metavar="N", default="all", show_default=True, help="Lines of each replica."
)
@click.option("-t", "--timestamps", is_flag=True, help="Begin each line with its time.")
@click.option("-o", "--output", type=click.Choice(["text", "jsonl"]), default="text", help="What to print.")
def logs(words: Sequence[str], **options: Any) -> int:
    """Show what the replicas of services wrote, on all hosts, merged by time.

    Without a service: of all. A host that fails is reported, and the others go on.

    Example: deploytool logs inventories/lab.yaml web --follow --tail 10
    """
    playbooks, names = words_of(words)
    intent = loaded_intent(options, playbooks)
    wanted = wanted_services(names, intent)
    query = LogQuery(
        tuple((one.project, one.service) for one in wanted),
        options["since"] or "",
        options["tail"],
        options["follow"],
    )
    printer = LogPrinter(
        colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
        timestamps=options["timestamps"],
        several=len({one.project for one in wanted}) > 1,
    )
    with across(intent, wanted, options) as hosts:

        def opened(host: str, last: LogLine | Live | None) -> Feed[LogLine | Live]:
            return hosts.engines.named(host).logs(_after(query, last))

        def show(host: str, line: LogLine | Live) -> str:
            if isinstance(line, Live):
                return ""
            return log_json(host, line) if options["output"] == "jsonl" else printer.line(host, line)

        def when(line: LogLine | Live) -> tuple[str, float]:
            return (line.when if isinstance(line, LogLine) else "", 0.0)

        return following(hosts, opened, when, show, again=options["follow"], is_live=_is_live)


def _is_live(line: LogLine | Live) -> bool:
    return isinstance(line, Live)


def _after(query: LogQuery, last: LogLine | Live | None) -> LogQuery:
    """The same lines but for those that were told already."""
    if not isinstance(last, LogLine) or not last.when:
        return query
    moment = datetime.fromisoformat(f"{last.when[:19]}+00:00")
    nanos = int(last.when[20:29]) + 1
    return LogQuery(query.services, f"{int(moment.timestamp())}.{nanos:09}", None, query.follow)
