"""Options as Click parses them are those that the classes say."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

import click
import pytest

from deploytool.cli.command import option_values, parameters, read_options
from deploytool.cli.options import ChangingOptions, PolicyOptions, split_words
from tests.command_line import commands


def is_of(value: object, hint: Any) -> bool:
    """A value of a type hint: ``str | None``, ``tuple[Path, ...]``, ``float``."""
    if get_origin(hint) in (Union, types.UnionType):
        return any(is_of(value, one) for one in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(is_of(one, get_args(hint)[0]) for one in value)
    return type(value) is hint or (not isinstance(value, (bool, int, float)) and isinstance(value, hint))


def untyped(options: object) -> Iterator[str]:
    """The fields whose value is not of their type, also those of groups."""
    hints = get_type_hints(type(options))
    for field in fields(options):
        value = getattr(options, field.name)
        if is_dataclass(value):
            yield from untyped(value)
        elif not is_of(value, hints[field.name]):
            yield f"{type(options).__name__}.{field.name}: {value!r} is no {hints[field.name]}"


def word(parameter: click.Parameter) -> str:
    """Something that a parameter takes."""
    if isinstance(parameter.type, click.Choice):
        return str(parameter.type.choices[0])
    if isinstance(parameter.type, (click.IntRange, click.types.IntParamType)):
        return "3"
    return {"tail": "3", "since": "10m"}.get(str(parameter.name), "90s")


def argv(command: click.Command, *, every: bool) -> list[str]:
    """What is required, or every option that there is."""
    words = []
    for parameter in command.params:
        if not (every or parameter.required):
            continue
        if isinstance(parameter, click.Option):
            words.append(parameter.opts[-1])
        if not getattr(parameter, "is_flag", False) and not getattr(parameter, "count", False):
            words.append(word(parameter))
    return words


@pytest.mark.parametrize("every", [False, True], ids=["defaults", "typed"])
@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda value: str(value))
def test_values_are_of_the_types_of_their_fields(name, command, every):
    """Defaults as well as what is typed; nothing else checks what Click hands over."""
    context = command.make_context(name, argv(command, every=every))
    options = read_options(command._options, context.params)
    assert list(untyped(options)) == []
    assert read_options(type(options), option_values(options)) == options


def test_parameters_come_in_the_order_of_the_groups():
    """So they do in --help and in the docs; each has its class's heading and the field's name."""
    found = [(parameter.name, parameter.heading) for parameter in parameters(ChangingOptions)]
    assert found[:2] == [("inventory", "What to read"), ("playbooks", "What to read")]
    assert list(dict.fromkeys(heading for _, heading in found)) == [
        "What to read",
        "Reaching hosts",
        "What is allowed",
        "What is shown",
        "Carrying it out",
    ]


def test_no_two_commands_share_a_parameter():
    """The environment's name of an option is that of its command."""
    one, other = list(parameters(PolicyOptions)), list(parameters(PolicyOptions))
    assert not {id(parameter) for parameter in one} & {id(parameter) for parameter in other}


def test_playbooks_come_first():
    """A service may be called like a file, behind the first that is none."""
    playbooks, rest = split_words(("a.yaml", "b/c.yml", "web", "cat", "x.yaml"))
    assert [str(path) for path in playbooks] == ["a.yaml", "b/c.yml"]
    assert rest == ("web", "cat", "x.yaml")
