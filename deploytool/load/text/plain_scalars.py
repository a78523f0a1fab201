"""Scalars without quotes → values. YAML 1.1, Compose and JSON do not agree on them.

``12:30`` is the number 750 for Ansible, which reads YAML 1.1, and text for Compose; ``yes`` is true for the
one and text for the other; ``1e3`` is text for the one and 1000 for the others.

Source: ``resolve.go`` of go-yaml v3, with which Compose reads its files, tried on Compose 2.26.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from enum import Enum, auto

from deploytool.load.text.located import Raw


class Dialect(Enum):
    """The rules for the scalars of a document. In a ``PLAYBOOK``, its Compose sections are ``COMPOSE``."""

    ANSIBLE = auto()
    PLAYBOOK = auto()
    COMPOSE = auto()
    JSON = auto()


_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_SPECIAL = {".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf, ".nan": math.nan}
_BASES = {"0x": 16, "0b": 2, "0o": 8}
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MAX_INTEGER = 2**64
_MAX_DIGITS = 64
_LARGE_POWER = 6


def yaml12_scalar(text: str) -> Raw:
    """The value of a scalar in a Compose file. A date stays text."""
    if text in _NULLS:
        return None
    if text in _FLAGS:
        return _FLAGS[text]
    if text.lower() in _SPECIAL:
        return _SPECIAL[text.lower()]
    digits = text.replace("_", "") if text[0] != "_" else text
    if len(digits) > _MAX_DIGITS or not (digits[0] in "+-." or digits[0].isdecimal()):
        return text
    if _INTEGER.fullmatch(digits) and abs(number := _integer(digits)) < _MAX_INTEGER:
        return number
    fraction = float(digits) if _FLOAT.fullmatch(digits) else math.inf
    return fraction if math.isfinite(fraction) else text


def _integer(text: str) -> int:
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-").lower()
    if digits[:2] in _BASES:
        return sign * int(digits[2:], _BASES[digits[:2]])
    return sign * int(digits, 8 if digits[0] == "0" and len(digits) > 1 else 10)


def float_text(number: float) -> str:
    """The text of a number where Compose wants text: ``1.0`` is ``1``, a million is ``1e+06``."""
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    power = len(digits) + int(exponent) - 1
    if not number or -5 < power < _LARGE_POWER:
        return repr(number).removesuffix(".0")
    first, *rest = map(str, digits)
    return f"{'-' * sign}{first}{'.' * bool(rest)}{''.join(rest)}e{power:+03}"


def json_scalar(text: str) -> Raw:
    """The value of a scalar in a document that is known to be JSON."""
    return json.loads(text)
