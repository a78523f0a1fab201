"""``--diff``: what a plan would change in the definitions on the hosts, shown after the plan."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_bytes
from typing import Any

import click

from deploytool.cli.colour import stdout_has_colours
from deploytool.model.difference import Difference
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan
from deploytool.report.diff import diff_json, diff_text
from deploytool.report.sanitize import printable
from deploytool.run.converge import Run
from deploytool.run.differences import differences

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def find_differences(run: Run, plan: Plan, seen: Observed, options: Mapping[str, Any]) -> list[Difference]:
    """Nothing without ``--diff``, and then no host is asked."""
    if not options["diff"]:
        return []
    return differences(plan, seen, run.engines, run.options.forks, token_bytes(16))


def show_differences(found: list[Difference], output: str) -> None:
    """As text, in colour on a terminal unless NO_COLOR is set; or as a line of JSON."""
    if not found:
        return
    if output == "jsonl":
        click.echo(diff_json(found))
        return
    colours = stdout_has_colours()
    for line in printable(diff_text(found)).splitlines():
        click.echo(click.style(line, fg=_COLOURS.get(line[:1])) if colours else line)
