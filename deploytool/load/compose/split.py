"""A service as written, split: keys that decide scheduling, and keys of which a container is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deploytool.errors import Place
from deploytool.load.compose.known_keys import key_place
from deploytool.load.text.located import Raw
from deploytool.load.text.yaml_file import Map, place_of

DECIDING = frozenset(
    {
        "depends_on",
        "deploy",
        "platform",
        "ports",
        "pull_policy",
        "restart",
        "scale",
        "stop_grace_period",
        "x-ingress",
    }
)
DECIDING_CHECK = frozenset({"disable", "interval", "retries", "start_period", "timeout"})


@dataclass(frozen=True, slots=True)
class ServiceText:
    """A service, not rendered yet. ``deciding`` is rendered once for the play, ``rest`` for each host."""

    name: str
    place: Place
    deciding: Map
    rest: Map


def split(name: str, raw: Map, place: Place) -> ServiceText:
    """The two parts of a service. A healthcheck is in both: its times decide, its test does not."""
    deciding = _only(raw, lambda key: key in DECIDING)
    rest = _only(raw, lambda key: key not in DECIDING)
    check = raw.get("healthcheck")
    if isinstance(check, dict):
        at = place_of(raw, "healthcheck", place)
        _set(deciding, raw, "healthcheck", _only(check, lambda key: key in DECIDING_CHECK, at))
        _set(rest, raw, "healthcheck", _only(check, lambda key: key not in DECIDING_CHECK, at))
    elif check is not None:
        rest.pop("healthcheck")
        _set(deciding, raw, "healthcheck", check)
    return ServiceText(name, place, deciding, rest)


def _only(raw: Raw, wanted: Callable[[str], bool], place: Place | None = None) -> Map:
    result = Map(place or raw.place)
    for key, value in raw.items():
        if wanted(key):
            _set(result, raw, key, value)
    return result


def _set(target: Map, source: Raw, key: str, value: Raw) -> None:
    target[key] = value
    target.keys_at[key] = key_place(source, key, target.place)
    target.values_at[key] = place_of(source, key, target.place)
