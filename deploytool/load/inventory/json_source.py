"""The JSON form of an inventory, as ``ansible-inventory --list`` and inventory scripts print it.

Groups map to ``{"hosts": [...], "children": [...], "vars": {...}}`` or to a plain list of hosts; the
variables of hosts are in ``_meta.hostvars``. A script without ``_meta`` is asked again for each host.

Source: the ``script`` inventory plugin of ansible-core 2.19.
"""

from __future__ import annotations

from collections.abc import Callable

from deploytool.errors import Place
from deploytool.load.inventory.groups import Roster
from deploytool.load.text.located import Raw, Variables
from deploytool.load.text.yaml_file import Map

META = "_meta"

AskHost = Callable[[str], Variables]


def fill_from_listing(roster: Roster, root: Map, source: str, ask: AskHost | None = None) -> None:
    """Add the hosts and groups of a listing; ``ask`` gives a host's variables where ``_meta`` is missing."""
    for name, body in root.items():
        if name != META:
            _group(roster, name, body, root.key_place(name), source)
    if META in root:
        _meta(roster, root[META], root.place_of(META))
    elif ask:
        for host in list(roster.hosts.values()):
            if host.file == source:
                host.vars.overlay(ask(host.name))


def _group(roster: Roster, name: str, body: Raw, place: Place, source: str) -> None:
    if not name:
        roster.problems.add(place, "a group without a name")
        return
    group = _as_mapping(roster, name, body, place)
    roster.group(name, place)
    for host in _strings(roster, group, "hosts", name):
        roster.add_host(str(host), name, getattr(host, "place", place), source)
    variables = group.get("vars")
    if isinstance(variables, Map):
        for key, value in variables.items():
            roster.set_group_var(name, key, value, variables.place_of(key))
    elif variables is not None:
        roster.problems.add(group.place_of("vars"), f"'vars' of group '{name}' is not a mapping")
    for child in _strings(roster, group, "children", name):
        roster.group(str(child), getattr(child, "place", place))
        roster.child(name, str(child), getattr(child, "place", place))


def _as_mapping(roster: Roster, name: str, body: Raw, place: Place) -> Map:
    """A group as a mapping: a list is its hosts."""
    if isinstance(body, Map):
        if body and not any(key in body for key in ("hosts", "vars", "children")):
            roster.problems.add(place, f"group '{name}' has neither hosts nor vars nor children")
        return body
    group = Map(place)
    if isinstance(body, list):
        group.put("hosts", body, place)
    else:
        roster.problems.add(place, f"group '{name}' is neither a mapping nor a list of hosts")
    return group


def _strings(roster: Roster, group: Map, key: str, name: str) -> list[str]:
    items = group.get(key, [])
    if isinstance(items, list) and all(isinstance(item, str) and item for item in items):
        return items
    if isinstance(items, Map):
        return list(items)
    roster.problems.add(group.place_of(key), f"'{key}' of group '{name}' is not a list of names")
    return []


def _meta(roster: Roster, meta: Raw, place: Place) -> None:
    hostvars = meta.get("hostvars") if isinstance(meta, Map) else None
    if not isinstance(hostvars, Map):
        roster.problems.add(place, "'_meta' has no mapping 'hostvars'")
        return
    for name, variables in hostvars.items():
        if not isinstance(variables, Map):
            roster.problems.add(hostvars.place_of(name), f"the variables of host '{name}' are not a mapping")
        elif name in roster.hosts:
            roster.hosts[name].vars.overlay(variables)
