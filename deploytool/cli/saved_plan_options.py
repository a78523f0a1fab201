"""``plan --out`` and ``converge --plan``: a plan that is saved, and then done exactly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from deploytool import __version__
from deploytool.cli.options import ALLOWING
from deploytool.cli.output_files import replace_file
from deploytool.errors import Place, PlanChanged, Problem, UsageError
from deploytool.load.text.input_log import noted_so_far
from deploytool.load.text.plan_file import read_plan
from deploytool.load.text.problems import input_error
from deploytool.model.document import Document, text_of
from deploytool.model.observed import Observed
from deploytool.model.plan import Plan
from deploytool.plan.saved_plan import Making, changed_since, document_of

# Besides what is allowed: which plays and hosts a plan is about.
_SELECTING = ("limit", "tags", "skip_tags")
_AGAIN = "make a new plan and look at it: deploytool plan … --out FILE"


def document(
    plan: Plan, seen: Observed, options: Mapping[str, Any], like: Document | None = None
) -> Document:
    """The plan of a command with these options, as of now."""
    command = {
        "inventory": options["inventory"],
        "playbooks": [str(path) for path in options["playbooks"]],
        "options": {name: _plain(options[name]) for name in _decisive() if options.get(name)},
    }
    when = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return document_of(plan, seen, Making(__version__, when, command, noted_so_far()), like)


def save(saved: Document, path: Path) -> None:
    """Write the document whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    replace_file(path, text_of(saved).encode(), "--out")


def agreed_options(options: dict[str, Any]) -> tuple[dict[str, Any], Document | None]:
    """The options with those that a saved plan was made with, and that plan; as they are without one.

    Extra variables are not in a plan, since they may be secret: they are given again.

    Raises:
        InputError: the plan cannot be used. UsageError: an option says something else than the plan.
    """
    path = options.pop("plan_file")
    if path is None:
        return options, None
    saved = read_plan(path)
    command = saved["command"]
    if options["inventory"] is None:
        options["inventory"] = command["inventory"]
        options["playbooks"] = tuple(Path(playbook) for playbook in command["playbooks"])
    for name in _decisive():
        wanted = command["options"].get(name)
        if _given(name) and _plain(options[name]) != wanted:
            hint = "leave it out, or make another plan"
            raise UsageError(f"{_spelled(name)} is not what the plan was made with", hint=hint)
        if wanted is not None:
            options[name] = _option_value(name, wanted, path)
    return options, saved


def _option_value(name: str, wanted: Any, path: Path) -> Any:
    """A value out of the plan, as if it had been typed.

    Raises:
        InputError: it cannot have been.
    """
    context = click.get_current_context()
    parameter = next(parameter for parameter in context.command.params if parameter.name == name)
    try:
        return parameter.type_cast_value(context, wanted)
    except (click.UsageError, TypeError, ValueError):
        raise input_error(Place(str(path)), f"{_spelled(name)} cannot be {wanted!r:.60}") from None


def agreement(saved: Document, options: Mapping[str, Any]) -> Callable[[Plan, Observed], None]:
    """What refuses every plan but the saved one, with all that changed since."""

    def check(plan: Plan, seen: Observed) -> None:
        now = document(plan, seen, options, saved)
        changed = changed_since(saved, now)
        if changed:
            things = "1 thing" if len(changed) == 1 else f"{len(changed)} things"
            head = f"the plan of {saved.get('created')} is not carried out: {things} changed since"
            sentences = (Problem(Place(where), sentence) for where, sentence in changed)
            raise PlanChanged(Problem(Place(""), head, _AGAIN), sentences)

    return check


def _decisive() -> list[str]:
    """The options of the command that runs which decide what a plan is."""
    command = click.get_current_context().command
    names = (p.name for p in command.params if p.name in _SELECTING or _is_allowing(p))
    return [name for name in names if name]


def _is_allowing(parameter: click.Parameter) -> bool:
    return getattr(parameter, "purpose", "") == ALLOWING


def _given(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _spelled(name: str) -> str:
    return f"--{name.replace('_', '-')}"
