"""What a play says about itself: name, project, batches, and how to log in where the inventory is silent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploytool.errors import InputError
from deploytool.load.compose.ingress_keys import edge_settings
from deploytool.load.compose.validators import (
    DROP,
    Shape,
    Spot,
    amount,
    count,
    duration,
    filled,
    flag,
    list_of,
    one_of,
    text,
)
from deploytool.load.templates.template import LazyVars
from deploytool.load.text.problems import Problems
from deploytool.load.text.units import parse_duration
from deploytool.load.text.yaml_file import Map
from deploytool.model.ingress import EdgeSettings

_BATCH = re.compile(r"[1-9][0-9]{0,6}|[1-9][0-9]?(\.[0-9]+)?%|100%")

# A keyword of a play gives way to any of these variables, as in Ansible.
_CONNECTION: Mapping[str, tuple[tuple[str, ...], Shape]] = {
    "become": (("ansible_become",), flag),
    "become_user": (("ansible_become_user",), filled),
    "connection": (("ansible_connection",), filled),
    "port": (("ansible_port", "ansible_ssh_port"), count),
    "remote_user": (("ansible_user", "ansible_ssh_user"), filled),
}


@dataclass(frozen=True, slots=True)
class PlaySettings:
    """``connection`` holds, for each keyword given, the variables that win over it and its value."""

    name: str = ""
    project: str = ""
    serial: tuple[str, ...] = ()
    max_fail_percent: float | None = None
    any_errors_fatal: bool = False
    reschedule_after_s: float | None = None
    edge: EdgeSettings = EdgeSettings()
    connection: tuple[tuple[tuple[str, ...], Any], ...] = ()


def read_header(play: Map, scope: LazyVars, problems: Problems) -> PlaySettings:
    """The header of a play, rendered with the variables of the play."""
    reader = _Reader(play, scope, problems)
    reader.value("become_method", one_of("sudo"))
    reader.value("gather_facts", flag)
    connection = ((aliases, reader.value(key, shape)) for key, (aliases, shape) in _CONNECTION.items())
    return PlaySettings(
        name=reader.value("name", text) or "",
        project=reader.value("project", filled) or "",
        serial=tuple(reader.value("serial", list_of(_batch, or_one=True)) or ()),
        max_fail_percent=reader.value("max_fail_percentage", _percent),
        any_errors_fatal=bool(reader.value("any_errors_fatal", flag)),
        reschedule_after_s=reader.value("reschedule_after", _seconds),
        edge=reader.value("ingress", edge_settings) or EdgeSettings(),
        connection=tuple((aliases, value) for aliases, value in connection if value is not None),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    play: Map
    scope: LazyVars
    problems: Problems

    def value(self, key: str, shape: Shape) -> Any:
        """A rendered and checked value; None where it is not given or wrong."""
        raw = self.play.get(key)
        if raw is None:
            return None
        place = self.play.place_of(key)
        try:
            rendered = self.scope.templates.render(raw, self.scope, place)
        except InputError as error:
            self.problems.extend(error)
            return None
        result = None if rendered is None else shape(rendered, Spot(place, key, self.problems))
        return None if result is DROP else result


def _batch(value: Any, spot: Spot) -> Any:
    batch = text(value, spot)
    if batch is DROP or _BATCH.fullmatch(batch):
        return batch
    return spot.wrong(
        f"cannot be '{batch:.20}'", 'write a number of hosts, a percentage as in "50%", or a list'
    )


def _seconds(value: Any, spot: Spot) -> Any:
    result = duration(value, spot)
    return DROP if result is DROP else parse_duration(result)


def _percent(value: Any, spot: Spot) -> Any:
    result = amount(value, spot)
    if result is not DROP and result > 100:
        return spot.wrong("cannot be more than 100")
    return DROP if result is DROP else float(result)
