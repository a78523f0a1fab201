"""Host patterns: ``web:&eu:!web3``, globs, ``~regex``, ``web[0]``, ``web[1:3]``, ``@file``.

Works on the names of hosts and groups alone. Unlike Ansible, a pattern that matches nothing is an error,
and so is every part of one: a misspelt ``!db`` would otherwise let the very hosts through that it names.

Source: ``ansible.inventory.manager`` of ansible-core 2.19, and its ``--list-hosts`` for the order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from fnmatch import translate

from deploytool.model.address import LOCALHOST, split_port
from deploytool.model.expression import TOO_SLOW_HINT, compile_expression
from deploytool.model.inventory import Inventory

_PART = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_SUBSCRIPT = re.compile(r"(.+)\[(?:(-?[0-9]{1,9})|([0-9]{1,9}):([0-9]{0,9}))\]")
_OLD_SUBSCRIPT = re.compile(r".+\[[0-9]+-[0-9]*\]")
_MATCH_S = 0.2  # of processor time, for a regular expression and one name
_SPECIAL = frozenset(".?*[")


class NoMatch(ValueError):
    """A pattern selects no host, or is none. ``message`` is the sentence, ``hint`` the way out."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def select(pattern: str, inventory: Inventory, read: Callable[[str], str] | None = None) -> tuple[str, ...]:
    """The hosts that a pattern selects, in the order of ``ansible --list-hosts``, none twice.

    ``read`` gives the content of an ``@file``, one pattern a line; without it there are no such files.
    ``localhost``, ``127.0.0.1`` and ``::1`` can be selected by name though no group has them.

    Raises:
        NoMatch: the pattern, or a part of it, matches neither a host nor a group, or no host is left.
    """
    parts = list(_parts(pattern, read))
    if not parts:
        raise NoMatch("the host pattern is empty", "write 'all' to select every host")
    groups = Matcher(inventory)
    chosen = dict.fromkeys(host for part in _plain(parts) for host in groups.match(part))
    for part in (part[1:] for part in parts if part.startswith("&")):
        wanted = set(groups.match(part))
        chosen = dict.fromkeys(host for host in chosen if host in wanted)
    for part in (part[1:] for part in parts if part.startswith("!")):
        unwanted = set(groups.match(part))
        chosen = dict.fromkeys(host for host in chosen if host not in unwanted)
    if not chosen:
        raise NoMatch(
            f"the host pattern '{pattern}' leaves no host", "its parts match, but nothing is left of them"
        )
    return tuple(chosen)


def _plain(parts: Iterable[str]) -> list[str]:
    """The parts that add hosts; without one, all hosts are there to begin with."""
    return [part for part in parts if part[0] not in "&!"] or ["all"]


def _parts(pattern: str, read: Callable[[str], str] | None) -> Iterable[str]:
    for part in split(pattern):
        if part.startswith("@") and read is not None:
            yield from filter(None, (line.strip() for line in read(part[1:]).splitlines()))
        elif part in ("&", "!", "~", "&~", "!~", "@"):
            raise NoMatch(f"'{part}' in the host pattern '{pattern}' is followed by nothing")
        else:
            yield part


def split(pattern: str) -> list[str]:
    """The parts of a pattern: at commas where it has any, else at colons unless it is one address.

    Raises:
        NoMatch: a bracket has no other half.
    """
    if "," in pattern:
        parts = pattern.split(",")
    elif split_port(pattern):
        parts = [pattern]
    else:
        # Each bracket that nothing closes would be followed up to the end, one after the other.
        parts = [] if "[" in pattern.rpartition("]")[2] else _PART.findall(pattern)
        if re.sub(r"[\s:]", "", "".join(parts)) != re.sub(r"[\s:]", "", pattern):
            raise NoMatch(f"the host pattern '{pattern}' has a bracket without its other half")
    return [part.strip() for part in parts if part.strip()]


class Matcher:
    """Looks one part of a pattern up among the groups, then the hosts."""

    def __init__(self, inventory: Inventory) -> None:
        self._groups = {name: group.hosts for name, group in inventory.groups.items()}
        self._hosts = inventory.hosts

    def match(self, part: str) -> list[str]:
        """The hosts that a part without ``&`` and ``!`` stands for.

        Raises:
            NoMatch: it stands for nothing.
        """
        if part in self._hosts:
            return [part]
        name, subscript = _subscript(part)
        hosts, known = self._look_up(name)
        if not hosts and name in LOCALHOST:
            hosts, known = [next((host for host in LOCALHOST if host in self._hosts), name)], True
        if not known:
            raise NoMatch(f"'{part}' matches no host and no group", self._near(name))
        return _within(hosts, subscript, part)

    def _look_up(self, name: str) -> tuple[list[str], bool]:
        """The hosts under a name, glob or regex, and whether it matches anything at all."""
        matches = _matcher(name)
        groups = [group for group in self._groups if matches(group)]
        hosts = [host for group in groups for host in self._groups[group]]
        if not groups or name.startswith("~") or _SPECIAL & set(name):
            hosts += [host for host in self._hosts if matches(host)]
        return list(dict.fromkeys(hosts)), bool(groups or hosts)

    def _near(self, name: str) -> str:
        known = [*self._groups, *self._hosts]
        matches = get_close_matches(name.lstrip("~"), known[:10_000], n=3, cutoff=0.5)
        if matches:
            return "did you mean " + " or ".join(f"'{match}'" for match in matches) + "?"
        groups = sorted(name for name in self._groups if self._groups[name])
        return (
            "groups with hosts: " + ", ".join([*groups[:8], "…"][: len(groups) + (len(groups) > 8)])
            if groups
            else ""
        )


def _subscript(part: str) -> tuple[str, tuple[int, int | None] | None]:
    """``web[1:3]`` → the name, first and last index; last is None for a single one."""
    if part.startswith("~"):
        return part, None
    if _OLD_SUBSCRIPT.fullmatch(part):
        raise NoMatch(f"'{part}' is not a range of hosts", "write [first:last]")
    match = _SUBSCRIPT.fullmatch(part)
    if not match:
        return part, None
    name, index, first, last = match.groups()
    return name, (int(index), None) if index else (int(first), int(last) if last else -1)


def _within(hosts: list[str], subscript: tuple[int, int | None] | None, part: str) -> list[str]:
    if subscript is None or not hosts:
        return hosts
    first, last = subscript
    if last is None:
        if not -len(hosts) <= first < len(hosts):
            raise NoMatch(
                f"'{part}' is outside of the {len(hosts)} hosts that match", "the first is [0], the last [-1]"
            )
        return [hosts[first]]
    found = hosts[first:] if last == -1 else hosts[first : last + 1]
    if not found:
        raise NoMatch(
            f"'{part}' is outside of the {len(hosts)} hosts that match", "the first is [0], the last [-1]"
        )
    return found


def _matcher(name: str) -> Callable[[str], object]:
    if not name.startswith("~"):
        return re.compile(translate(name)).match
    try:
        match = compile_expression(name[1:]).match
    except ValueError as error:
        raise NoMatch(f"'{name}' is not a regular expression: {error}") from None

    def bounded(text: str) -> object:
        try:
            return match(text, timeout=_MATCH_S)
        except TimeoutError:
            raise NoMatch(
                f"'{name}' takes too long to match '{text}'",
                TOO_SLOW_HINT,
            ) from None

    return bounded
