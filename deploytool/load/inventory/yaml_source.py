"""The YAML form of an inventory: a mapping of groups, each with ``hosts``, ``vars`` and ``children``.

A section may be a mapping, empty, or a single string; hosts, groups and sections may come again and merge.
What Ansible skips with a warning is a problem here: an unknown key, a group or section of the wrong type.

Source: the ``yaml`` inventory plugin of ansible-core 2.19.
"""

from __future__ import annotations

from deploytool.errors import Place
from deploytool.load.inventory.groups import Roster
from deploytool.load.text.located import Raw
from deploytool.load.text.problems import near
from deploytool.load.text.yaml_file import Map

SECTIONS = ("hosts", "vars", "children")

PLUGIN_HINT = "run 'ansible-inventory -i FILE --list > inventory.json' and use its output"


def fill_from_yaml(roster: Roster, root: Map, source: str) -> None:
    """Add the hosts and groups of a YAML document to the roster."""
    if root.get("plugin"):
        message = f"is the configuration of the inventory plugin '{root['plugin']}', not an inventory"
        roster.problems.add(root.key_place("plugin"), message, PLUGIN_HINT)
        return
    for name, body in root.items():
        _group(roster, name, body, root.key_place(name), source)


def _group(roster: Roster, name: str, body: Raw, place: Place, source: str) -> bool:
    """Read one group; false when there is no such thing here."""
    if not name:
        roster.problems.add(place, "a group without a name")
        return False
    if not isinstance(body, (Map, type(None))):
        message = f"group '{name}' is {_kind(body)}, not a mapping"
        roster.problems.add(place, message, "a group has the keys hosts, vars and children")
        return False
    roster.group(name, place)
    for key, section in (body or {}).items():
        _section(roster, name, key, section, body.key_place(key) if body else place, source)
    return True


def _section(roster: Roster, group: str, key: str, section: Raw, place: Place, source: str) -> None:
    if key not in SECTIONS:
        hint = near(key, SECTIONS) or "a group has the keys hosts, vars and children"
        roster.problems.add(place, f"unknown key '{key}' in group '{group}'", hint)
        return
    if isinstance(section, str):
        section = _single(section, getattr(section, "place", place))
    if section is None:
        return
    if not isinstance(section, Map):
        hint = f"end each of the {key} with ':'" if key != "vars" else "write one 'name: value' per line"
        roster.problems.add(place, f"'{key}' of group '{group}' is {_kind(section)}, not a mapping", hint)
        return
    for name, value in section.items():
        if key == "vars":
            roster.set_group_var(group, name, value, section.place_of(name))
        elif key == "children":
            if _group(roster, name, value, section.key_place(name), source):
                roster.child(group, name, section.key_place(name))
        else:
            _hosts(roster, group, name, value, section.key_place(name), source)


def _hosts(roster: Roster, group: str, entry: str, variables: Raw, place: Place, source: str) -> None:
    hosts = roster.add_hosts(entry, group, place, source)
    if not variables:
        return
    if not isinstance(variables, Map):
        message = f"the variables of host '{entry}' are {_kind(variables)}, not a mapping"
        roster.problems.add(place, message, "write one 'name: value' per line")
        return
    for host in hosts:
        host.vars.overlay(variables)


def _single(name: str, place: Place) -> Map:
    """``children: web`` is short for ``children: {web: }``."""
    section = Map(place)
    section.put(name, None, place)
    return section


def _kind(value: Raw) -> str:
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        str: "a string",
        dict: "a mapping",
    }
    return next((kind for type_, kind in kinds.items() if isinstance(value, type_)), "a value")
