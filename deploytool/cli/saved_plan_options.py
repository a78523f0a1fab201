"""``plan --out`` and ``converge --plan``: saving a plan with its options, carrying out exactly that one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

import click
from click.core import ParameterSource

from deploytool import __version__
from deploytool.cli.command import option_values, read_options
from deploytool.cli.options import PolicyOptions, SiteOptions
from deploytool.cli.output_files import replace_file
from deploytool.errors import Place, PlanChanged, Problem, UsageError
from deploytool.load.text.input_log import noted_so_far
from deploytool.load.text.problems import input_error
from deploytool.model.document import Document, text_of
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan
from deploytool.plan.saved_plan import Making, changed_since, document_of

T = TypeVar("T", bound=SiteOptions)

# The options that decide what a plan is: the plays and hosts that it is about, and what is allowed.
_DECISIVE = ("limit", "tags", "skip_tags", *(field.name for field in fields(PolicyOptions)))
_AGAIN = "make a new plan and look at it: deploytool plan … --out FILE"


def document(plan: Plan, seen: Observed, options: SiteOptions, like: Document | None = None) -> Document:
    """The plan of a command with these options, as of now."""
    command = {
        "inventory": options.files.inventory,
        "playbooks": [str(path) for path in options.files.playbooks],
        "options": {name: _plain(value) for name, value in _decisive(options).items() if value},
    }
    when = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return document_of(plan, seen, Making(__version__, when, command, noted_so_far()), like)


def save(saved: Document, path: Path) -> None:
    """Write the document whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    replace_file(path, text_of(saved).encode(), "--out")


def with_saved_options(options: T, path: Path, saved: Document) -> T:
    """The options of a command line with those that the plan saved at ``path`` was made with.

    Extra variables are not in a plan, since they may be secret: they are given again.

    Raises:
        InputError: the plan cannot be used. UsageError: an option says something else than the plan.
    """
    command = saved["command"]
    values = option_values(options)
    if options.files.inventory is None:
        values["inventory"] = command["inventory"]
        values["playbooks"] = tuple(Path(playbook) for playbook in command["playbooks"])
    for name, value in _decisive(options).items():
        wanted = command["options"].get(name)
        if _is_typed(name) and _plain(value) != wanted:
            hint = "leave it out, or make another plan"
            raise UsageError(f"{_spelled(name)} is not what the plan was made with", hint=hint)
        if wanted is not None:
            values[name] = _option_value(name, wanted, path)
    return read_options(type(options), values)


def _option_value(name: str, wanted: object, path: Path) -> object:
    """A value from the plan, converted as a typed one is.

    Raises:
        InputError: no such value can be typed.
    """
    context = click.get_current_context()
    parameter = next(parameter for parameter in context.command.params if parameter.name == name)
    try:
        return parameter.type_cast_value(context, wanted)
    except (click.UsageError, TypeError, ValueError):
        raise input_error(Place(str(path)), f"{_spelled(name)} cannot be {wanted!r:.60}") from None


def agreement(saved: Document, options: SiteOptions) -> Callable[[Plan, Observed], None]:
    """A check that raises ``PlanChanged``, with every difference, for any plan but the saved one."""

    def check(plan: Plan, seen: Observed) -> None:
        now = document(plan, seen, options, saved)
        changed = changed_since(saved, now)
        if changed:
            things = "1 thing" if len(changed) == 1 else f"{len(changed)} things"
            head = f"the plan of {saved.get('created')} is not carried out: {things} changed since"
            sentences = (Problem(Place(where), sentence) for where, sentence in changed)
            raise PlanChanged(Problem(Place(""), head, _AGAIN), sentences)

    return check


def _decisive(options: SiteOptions) -> dict[str, object]:
    """The options that decide what a plan is, by name; only those that the command has."""
    return {name: value for name, value in option_values(options).items() if name in _DECISIVE}


def _is_typed(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _spelled(name: str) -> str:
    return f"--{name.replace('_', '-')}"
