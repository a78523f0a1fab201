"""The INI form of an inventory: ``[group]``, ``[group:children]``, ``[group:vars]``.

Host lines are split as a shell splits words; values are Python's literals, and strings where they are
none. Strings are templates.

Source: the ``ini`` inventory plugin of ansible-core 2.19.
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings

from deploytool.errors import Place
from deploytool.load.inventory.groups import UNGROUPED, Roster
from deploytool.load.text.located import Raw
from deploytool.load.text.problems import near
from deploytool.load.text.yaml_file import Map, Seq, Str

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_NAME = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
_KINDS = ("hosts", "vars", "children")


def fill_from_ini(roster: Roster, text: str, source: str) -> None:
    """Add the hosts and groups of an INI text to the roster."""
    reader = _Reader(roster, source)
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped and stripped[0] not in "#;":
            reader.line(stripped, Place(source, number, len(line) - len(line.lstrip()) + 1))
    reader.finish()


class _Reader:
    """Goes over the lines once. Groups may be declared after they were named as children."""

    def __init__(self, roster: Roster, source: str) -> None:
        self.roster = roster
        self.source = source
        self.group = UNGROUPED
        self.kind = "hosts"
        self.waiting: dict[str, list[tuple[str, Place]]] = {}
        self.only_vars: dict[str, Place] = {}

    def line(self, line: str, place: Place) -> None:
        header = _SECTION.fullmatch(line)
        if header:
            self.section(header[1], header[2] or "hosts", place)
        elif line.startswith("[") and line.endswith("]"):
            message = f"'{line}' is no section"
            self.roster.problems.add(place, message, "write [group], [group:vars] or [group:children]")
        elif self.kind == "hosts":
            self.hosts(line, place)
        elif self.kind == "vars":
            self.variable(line, place)
        else:
            self.child(line, place)

    def section(self, group: str, kind: str, place: Place) -> None:
        if kind not in _KINDS:
            message = f"section [{group}:{kind}] is of an unknown kind"
            self.roster.problems.add(place, message, near(kind, _KINDS) or "the kinds are vars and children")
            kind = "hosts"
        self.group, self.kind = group, kind
        if kind != "vars":
            self.declare(group, place)
        elif group not in self.roster.groups and group not in self.waiting:
            self.only_vars[group] = place
        self.roster.group(group, place)

    def declare(self, group: str, place: Place) -> None:
        self.roster.group(group, place)
        self.only_vars.pop(group, None)
        for parent, child_place in self.waiting.pop(group, ()):
            self.roster.child(parent, group, child_place)

    def hosts(self, line: str, place: Place) -> None:
        try:
            entry, *assignments = shlex.split(line, comments=True)
        except ValueError as error:
            self.roster.problems.add(
                place, f"cannot be split into words: {str(error).lower()}", "close the quotes"
            )
            return
        if entry.endswith(":") or entry.strip() == "---":
            self.roster.problems.add(place, f"'{entry}' is no host", "is this YAML? Then name the file .yaml")
            return
        variables = Map(place)
        for assignment in assignments:
            key, equals, value = assignment.partition("=")
            if not equals:
                message = f"expected name=value after the host, got '{assignment}'"
                self.roster.problems.add(place, message, "one host per line; quote values with spaces")
                return
            variables.put(key, _value(value, place), place)
        for host in self.roster.add_hosts(entry, self.group, place, self.source):
            host.vars.overlay(variables)

    def variable(self, line: str, place: Place) -> None:
        key, equals, value = line.partition("=")
        if not equals:
            self.roster.problems.add(place, f"expected name=value in [{self.group}:vars], got '{line}'")
            return
        self.roster.set_group_var(self.group, key.strip(), _value(value.strip(), place), place)

    def child(self, line: str, place: Place) -> None:
        match = _NAME.fullmatch(line)
        if not match:
            self.roster.problems.add(place, f"expected the name of a group, got '{line}'")
        elif match[1] in self.roster.groups:
            self.roster.child(self.group, match[1], place)
        else:
            self.waiting.setdefault(match[1], []).append((self.group, place))

    def finish(self) -> None:
        known = self.roster.groups
        for name, parents in self.waiting.items():
            for parent, place in parents:
                message = f"[{parent}:children] names the group '{name}', which is declared nowhere"
                self.roster.problems.add(
                    place, message, near(name, set(known) - {name}) or f"add a section [{name}]"
                )
        for name, place in self.only_vars.items():
            message = f"[{name}:vars] is for a group that is declared nowhere"
            self.roster.problems.add(
                place, message, near(name, set(known) - {name}) or f"add a section [{name}]"
            )


def _value(text: str, place: Place) -> Raw:
    """A Python literal, or the text itself."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return _plain(ast.literal_eval(text), place)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return Str.at(text, place)


def _plain(value: Raw, place: Place) -> Raw:
    """A literal as a value of YAML: other sequences become lists, other scalars strings."""
    if isinstance(value, (list, tuple, set)):
        result = Seq(place)
        result.extend(_plain(item, place) for item in value)
        return result
    if isinstance(value, dict):
        mapping = Map(place)
        for key, item in value.items():
            mapping.put(key, _plain(item, place), place)
        return mapping
    if isinstance(value, bytes):
        return Str.at(value.decode(errors="replace"), place)
    if value is ...:
        return Str.at("...", place)
    return Str.at(str(value), place) if isinstance(value, (str, complex)) else value
