"""The hosts and groups of an inventory, while its files are read and checked.

The readers of the source forms fill a ``Roster``. Every group descends from
``all``; a host that is in no other group is in ``ungrouped``; a group that contains itself is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from deploytool.errors import Place
from deploytool.load.inventory.ranges import MAX_HOSTS, expand_host
from deploytool.load.text.located import Raw
from deploytool.load.text.problems import Problems
from deploytool.load.text.yaml_file import Map

ALL = "all"
UNGROUPED = "ungrouped"
PRIORITY = "ansible_group_priority"
MAX_DEPTH = 100


@dataclass(slots=True)
class RawGroup:
    """A group as written. ``hosts`` are its own; ``children`` maps each child to where it was written."""

    name: str
    place: Place
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, Place] = field(default_factory=dict)
    parents: dict[str, None] = field(default_factory=dict)
    vars: Map = field(default_factory=lambda: Map(Place("")))
    priority: int = 1
    depth: int = 0


@dataclass(slots=True)
class RawHost:
    """A host as written. ``file`` is the source that named it first; ``groups`` hold it directly."""

    name: str
    place: Place
    file: str
    vars: Map = field(default_factory=lambda: Map(Place("")))
    groups: dict[str, None] = field(default_factory=dict)


class Roster:
    """All hosts and groups, in the order in which they were first named."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.hosts: dict[str, RawHost] = {}
        self.groups: dict[str, RawGroup] = {}
        for name in (ALL, UNGROUPED):
            self.group(name, Place(""))
        self.child(ALL, UNGROUPED, Place(""))

    def group(self, name: str, place: Place) -> RawGroup:
        """The group of that name, made when it is new."""
        if name not in self.groups:
            self.groups[name] = RawGroup(name, place)
        return self.groups[name]

    def child(self, parent: str, child: str, place: Place) -> None:
        """Put one group into another. Circles are found by ``finish``."""
        self.groups[parent].children.setdefault(child, place)
        self.groups[child].parents[parent] = None

    def add_hosts(self, entry: str, group: str, place: Place, source: str) -> list[RawHost]:
        """Put the hosts of one entry, which may be a range with a port, into a group."""
        try:
            names, port = expand_host(entry)
        except ValueError as error:
            self.problems.add(place, str(error), "write ranges as web[01:10] or [a:f]")
            return []
        if len(self.hosts) + len(names) > MAX_HOSTS:
            self.problems.add(place, f"more than {MAX_HOSTS} hosts in one inventory")
            return []
        return [self.add_host(name, group, place, source, port) for name in names]

    def add_host(self, name: str, group: str, place: Place, source: str, port: int | None = None) -> RawHost:
        """Put one host, named as it is, into a group; the port counts where the host is new."""
        if not name.strip():
            self.problems.add(place, "a host without a name")
        host = self.hosts.get(name)
        if host is None:
            host = self.hosts[name] = RawHost(name, place, source)
            if port:
                host.vars.put("ansible_port", port, place)
        host.groups[group] = None
        self.groups[group].hosts[name] = None
        return host

    def set_group_var(self, group: str, key: str, value: Raw, place: Place) -> None:
        """One of a group's inline variables; ``ansible_group_priority`` is no variable but an order."""
        if key != PRIORITY:
            self.groups[group].vars.put(key, value, place)
            return
        try:
            self.groups[group].priority = int(value)
        except (TypeError, ValueError, OverflowError):
            self.problems.add(place, f"{PRIORITY} is '{value}', not a number")

    def finish(self) -> None:
        """Check for circles, then put every group under ``all`` and the other hosts into ``ungrouped``."""
        if self._circles():
            return
        for name, group in self.groups.items():
            if name != ALL and not group.parents:
                self.child(ALL, name, group.place)
        for host in self.hosts.values():
            self._correct_ungrouped(host)
        self._rank()

    def _rank(self) -> None:
        """Give every group its depth: the longest way down from ``all``."""
        for name in self.parents_first():
            group = self.groups[name]
            group.depth = 1 + max((self.groups[parent].depth for parent in group.parents), default=-1)
            if group.depth == MAX_DEPTH:
                self.problems.add(group.place, f"groups are nested deeper than {MAX_DEPTH} levels")

    def _correct_ungrouped(self, host: RawHost) -> None:
        """``ungrouped`` holds exactly the hosts that only ``all`` holds otherwise."""
        elsewhere = set(self.lineage(host.groups)) - {ALL, UNGROUPED}
        if elsewhere and UNGROUPED in host.groups:
            del host.groups[UNGROUPED], self.groups[UNGROUPED].hosts[host.name]
        elif not elsewhere and UNGROUPED not in host.groups:
            host.groups[UNGROUPED] = self.groups[UNGROUPED].hosts[host.name] = None

    def lineage(self, names: Iterable[str]) -> list[str]:
        """The groups ``names`` and all that they descend from."""
        seen = dict.fromkeys(names)
        waiting = list(seen)
        while waiting:
            for parent in self.groups[waiting.pop()].parents:
                if parent not in seen:
                    seen[parent] = None
                    waiting.append(parent)
        return list(seen)

    def members(self, name: str) -> tuple[str, ...]:
        """The hosts of a group: its own, then level by level those of the groups in it."""
        found: dict[str, None] = {}
        seen = {name}
        level = [name]
        while level:
            for group in level:
                found.update(self.groups[group].hosts)
            below = dict.fromkeys(child for group in level for child in self.groups[group].children)
            level = [child for child in below if child not in seen]
            seen.update(level)
        return tuple(found)

    def parents_first(self) -> list[str]:
        """Every group after all of its parents; groups of a circle are left out."""
        missing = {name: len(group.parents) for name, group in self.groups.items()}
        order = [name for name, count in missing.items() if not count]
        for name in order:
            for child in self.groups[name].children:
                missing[child] -= 1
                if not missing[child]:
                    order.append(child)
        return order

    def _circles(self) -> bool:
        """Report each edge that closes a circle, where it was written; true when there is one."""
        before = len(self.problems.found)
        done: set[str] = set()
        for start in self.groups:
            self._walk(start, done)
        return len(self.problems.found) > before

    def _walk(self, start: str, done: set[str]) -> None:
        """Go down from one group, depth first, with a stack of our own: INI may nest as deep as it likes."""
        path = {} if start in done else {start: iter(self.groups[start].children.items())}
        while path:
            name = next(reversed(path))
            child, place = next(path[name], ("", Place("")))
            if not child:
                done.add(name)
                del path[name]
            elif child == ALL:
                self.problems.add(place, "group 'all' cannot be in a group: every group is in it")
            elif child in path:
                self.problems.add(
                    place, f"group '{child}' in '{name}' makes a circle", self._circle_hint(child, path)
                )
            elif child not in done:
                path[child] = iter(self.groups[child].children.items())

    def _circle_hint(self, child: str, path: Iterable[str]) -> str:
        names = list(path)
        circle = [*names[names.index(child) :], child]
        return " → ".join(circle if len(circle) < 10 else [*circle[:4], "…", *circle[-4:]])
