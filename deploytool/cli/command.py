"""A command whose ``--help`` groups options by their purpose, and whose options the environment may set.

``DEPLOYTOOL_<OPTION>`` sets an option for every command that has it, ``DEPLOYTOOL_<COMMAND>_<OPTION>`` for
one; the more exact name wins, and what is typed wins over both.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from deploytool.errors import DeploytoolError

F = TypeVar("F", bound=Callable[..., Any])
OTHERS = "Options"


class Command(click.Command):
    """Use as ``@click.command(cls=Command)``, with options that ``purpose`` put under a heading."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for parameter in self.params:
            _offer_names(parameter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for option in _settable(self):
            if not option.envvar and option.name:
                option.envvar = [f"{ctx.auto_envvar_prefix}_{option.name.upper()}", _variable(option.name)]
        if ctx.resilient_parsing and args and self._awaits_value(args[-1]):
            args = args[:-1]  # a shell completes its value, and click would forget the files over its lack
        return super().parse_args(ctx, args)

    def _awaits_value(self, word: str) -> bool:
        options = (one for one in self.params if isinstance(one, click.Option) and word in one.opts)
        return any(not option.is_flag and not option.count for option in options)

    def invoke(self, ctx: click.Context) -> Any:
        from deploytool.cli.ci_outputs import ended  # which is of no use to --help

        failed: DeploytoolError | None = None
        try:
            return super().invoke(ctx)
        except DeploytoolError as error:
            failed = error
            raise
        finally:
            ended(ctx, failed)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options first, then each purpose in the order in which it was given."""
        groups: dict[str, list[tuple[str, str]]] = {OTHERS: []}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx) if isinstance(option, click.Option) else None
            if record:
                groups.setdefault(getattr(option, "purpose", OTHERS), []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)


class WholeText(click.types.StringParamType):
    """A text that is one value also in the environment, where click would split it at its spaces."""

    name = "text"

    def split_envvar_value(self, rv: str) -> list[str]:
        return [rv]


def purpose(heading: str, *options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator; ``--help`` shows them under ``heading`` in the order given."""

    def decorate(function: F) -> F:
        before = len(_parameters(function))
        decorated = functools.reduce(lambda inner, option: option(inner), reversed(options), function)
        for parameter in _parameters(decorated)[before:]:
            parameter.purpose = heading  # type: ignore[attr-defined]
        return decorated

    return decorate


def _parameters(function: Callable[..., Any]) -> list[click.Parameter]:
    """Where click keeps the options of a function that is no command yet."""
    found: list[click.Parameter] = getattr(function, "__click_params__", [])
    return found


def _offer_names(parameter: click.Parameter) -> None:
    """Let shells complete names out of the files, for every parameter whose name says what it is."""
    by_type = parameter.shell_complete

    def shell_complete(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from deploytool.cli.completions import complete

        found = complete(ctx, parameter, incomplete)
        return by_type(ctx, incomplete) if found is None else found

    # On the instance: click would want it said at each of the options.
    parameter.shell_complete = shell_complete  # type: ignore[method-assign]


def _settable(command: click.Command) -> list[click.Option]:
    options = (parameter for parameter in command.params if isinstance(parameter, click.Option))
    return [option for option in options if option.allow_from_autoenv]


def _variable(name: str) -> str:
    return f"DEPLOYTOOL_{name.upper()}"
