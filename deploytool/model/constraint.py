"""The syntax of ``deploy.placement``: parsers of a constraint and of a spread key.

They are a part of the model since the loader checks with them what ``core.placement.constraints`` evaluates.
"""

from __future__ import annotations

import ipaddress
import re
from difflib import get_close_matches

from deploytool.model.intent import Constraint

LABEL_PREFIXES = ("node.labels.", "engine.labels.")
PLAIN_KEYS = ("node.groups", "node.hostname", "node.id", "node.ip", "node.platform.arch", "node.platform.os")

_CONSTRAINT = re.compile(r"(?P<key>[^\s=!<>~]+)\s*(?P<operator>[=!<>~]+)\s*(?P<value>.*)", re.DOTALL)


def parse_constraint(text: str) -> Constraint:
    """The constraint of a text such as ``node.labels.zone == eu-1``; its key in lower case but for labels.

    Raises:
        ValueError: a sentence with the mistake and a correction.

    Source: SwarmKit's ``constraint.Parse``; ``node.groups`` is ours.
    """
    match = _CONSTRAINT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a constraint; write it as node.labels.zone == eu-1")
    key, operator, value = match.group("key", "operator", "value")
    if operator not in ("==", "!="):
        raise ValueError(f"a constraint compares with == or !=, not with '{operator}'")
    if not value:
        raise ValueError(f"the constraint '{text.strip()}' compares with nothing")
    key = _known_key(key)
    if key == "node.ip":
        _check_network(value)
    return Constraint(key, operator, value)


def parse_spread(text: str) -> str:
    """The key of a spread in ``placement.preferences``, such as ``node.labels.rack``; lower case as above.

    Raises:
        ValueError: a sentence with the mistake and a correction.
    """
    key = _known_key(text.strip())
    if key == "node.groups":
        raise ValueError("a host can be in several groups, so replicas cannot be spread over node.groups")
    return key


def split_label(key: str) -> tuple[str, str] | None:
    """``node.labels.Zone`` → (``node.labels.``, ``Zone``); None for a key of no label."""
    for prefix in LABEL_PREFIXES:
        if key.lower().startswith(prefix) and len(key) > len(prefix):
            return prefix, key[len(prefix) :]
    return None


def _known_key(key: str) -> str:
    label = split_label(key)
    if label:
        return "".join(label)
    lowered = key.lower()
    if lowered in PLAIN_KEYS:
        return lowered
    if lowered == "node.role":
        raise ValueError("there are no managers and workers here; select hosts by node.groups or node.labels")
    known = (*PLAIN_KEYS, *(f"{prefix}NAME" for prefix in LABEL_PREFIXES))
    near = get_close_matches(lowered, known, n=1, cutoff=0.6)
    way_out = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
    raise ValueError(f"unknown key '{key}': {way_out}")


def _check_network(value: str) -> None:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"node.ip compares with an address or a network, which '{value}' is not") from None
