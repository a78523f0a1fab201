"""The variables of a play at its two levels: for the play as a whole, and for each of its hosts.

For the *play*: what all its hosts share (``-e``, play ``vars``, ``vars_files``, group ``all``). For a *host*:
everything. A name that only hosts have is an error where something is decided for the play, and the error
says so; it never falls back to a default in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from deploytool.load.inventory.inventory_loader import Layers, LoadedInventory
from deploytool.load.templates.lazy_vars import LazyVars
from deploytool.load.text.located import Raw, Variables
from deploytool.load.text.problems import Mistake

_HOST_NAMES = ("group_names", "inventory_hostname", "inventory_hostname_short")
_PLACEMENTS = Mistake(
    "'placements' is known only once every service has its hosts, and this is decided before",
    "use it in what a container is made from: environment, command, configs",
)
LoginVariables = Iterable[tuple[tuple[str, ...], Raw]]
"""(inventory variables that win, value) of each login key of the play; the value is that of the first."""


def play_scope(inventory: LoadedInventory, layers: Layers, host_scopes: Sequence[LazyVars] = ()) -> LazyVars:
    """The variables known for the play. To use one that differs between ``host_scopes`` is an error."""
    shared = inventory.variables("", layers)
    own = {
        name
        for scope in host_scopes
        for name, value in scope.variables.items()
        if name not in shared or shared[name] is not value
    }
    magic: dict[str, Raw] = {name: _host_only(name) for name in (*sorted(own), *_HOST_NAMES)}
    magic["placements"] = _PLACEMENTS
    for scope in host_scopes[:1]:
        magic |= {name: scope.magic.get(name) for name in ("inventory_dir", "inventory_file", "hostvars")}
    return inventory.scope("", layers, magic)


def _host_only(name: str) -> Mistake:
    hint = "use a variable of the play, of vars_files, of the group all, or -e"
    return Mistake(f"'{name}' differs from host to host, and this is decided once for the whole play", hint)


def host_scopes(inventory: LoadedInventory, layers: Layers, login: LoginVariables) -> dict[str, LazyVars]:
    """The variables of each host of the play, by host name, before any service has its hosts."""
    shared = {"placements": _PLACEMENTS, "hostvars": inventory.magic("", layers)["hostvars"]}
    return {name: host_scope(inventory, name, layers, login, shared) for name in layers.hosts}


def host_scope(
    inventory: LoadedInventory,
    host_name: str,
    layers: Layers,
    login: LoginVariables,
    magic: Variables,
) -> LazyVars:
    """The variables of one host; ``magic`` names win over all others."""
    scope = inventory.scope(host_name, layers, magic)
    for aliases, value in login:
        if isinstance(scope.variables, dict) and not any(alias in scope.variables for alias in aliases):
            scope.variables[aliases[0]] = value
    return scope
