"""Commands: an options class and a function of it. ``--help`` groups the options by their purpose.

``DEPLOYTOOL_<OPTION>`` sets an option for every command that has it, ``DEPLOYTOOL_<COMMAND>_<OPTION>`` for
one; the more exact name wins, and what is typed wins over both.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_type_hints

import click
from click.shell_completion import CompletionItem

from deploytool.errors import DeploytoolError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
OTHERS = "Options"


def command(
    options: type[T], name: str = "", group: click.Group | None = None
) -> Callable[[Callable[[T], int]], Command[T]]:
    """Make a command of a function: its options are those of the class, its help is the docstring.

    ``name`` is the function's own where it is empty; ``group`` is the command that it is a part of.
    """

    def decorate(function: Callable[[T], int]) -> Command[T]:
        made = Command(name or function.__name__, options, function)
        if group is not None:
            group.add_command(made)
        return made

    return decorate


class Command(click.Command, Generic[T]):
    """A command whose function takes one options object and returns the exit code."""

    def __init__(self, name: str, options: type[T], function: Callable[[T], int]) -> None:
        super().__init__(name, params=list(parameters(options)), help=function.__doc__)
        self._options, self._function = options, function
        for parameter in self.params:
            _complete_names(parameter)

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

    def invoke(self, ctx: click.Context) -> int:
        from deploytool.cli.ci_outputs import ended  # which is of no use to --help

        options = read_options(self._options, ctx.params)
        failed: DeploytoolError | None = None
        try:
            return ctx.invoke(self._function, options)
        except DeploytoolError as error:
            failed = error
            raise
        finally:
            ended(options, failed)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options first, then each purpose in the order in which it was given."""
        groups: dict[str, list[tuple[str, str]]] = {OTHERS: []}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx) if isinstance(option, click.Option) else None
            if record:
                groups.setdefault(heading_of(option), []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)


def heading_of(parameter: click.Parameter) -> str:
    """The purpose under which ``--help`` shows an option."""
    return getattr(parameter, "heading", OTHERS)


def parameters(options: type[DataclassInstance]) -> Iterator[click.Parameter]:
    """The Click parameters of an options class and of its groups, in the order of the fields."""
    for field, offered in _offered(options):
        if isinstance(offered, click.Parameter):
            yield _parameter(field, offered, getattr(options, "heading", OTHERS))
        else:
            yield from parameters(offered)


def read_options(options: type[T], values: Mapping[str, Any]) -> T:
    """The object of an options class out of what Click parsed, by the fields' names.

    The only place where options have no type yet: a test holds that Click's types are those of the fields.
    """
    make: Callable[..., T] = options
    return make(
        **{
            field.name: values[field.name]
            if isinstance(offered, click.Parameter)
            else read_options(offered, values)
            for field, offered in _offered(options)
        }
    )


def option_values(options: DataclassInstance) -> dict[str, object]:
    """The values of an options object by name, without its groups: ``read_options`` the other way round."""
    found: dict[str, object] = {}
    for field, offered in _offered(type(options)):
        value = getattr(options, field.name)
        found |= {field.name: value} if isinstance(offered, click.Parameter) else option_values(value)
    return found


def _offered(
    options: type[DataclassInstance],
) -> Iterator[tuple[Field[object], click.Parameter | type[DataclassInstance]]]:
    """The fields that are on the command line: with their parameter, or as a group of such fields."""
    hints = get_type_hints(options, include_extras=True)
    for field in fields(options):
        hint = hints[field.name]
        found = [one for one in getattr(hint, "__metadata__", ()) if isinstance(one, click.Parameter)]
        if found:
            yield field, found[0]
        elif isinstance(hint, type) and is_dataclass(hint):
            yield field, hint


def _parameter(field: Field[object], offered: click.Parameter, heading: str) -> click.Parameter:
    """A parameter of one command's own, named as the field and with its default."""
    parameter = copy.copy(offered)
    parameter.name = field.name
    parameter.heading = heading  # type: ignore[attr-defined]
    if field.default is not MISSING:
        parameter.default = field.default
    return parameter


def _complete_names(parameter: click.Parameter) -> None:
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
