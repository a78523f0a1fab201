"""Validators of values that only Compose has."""

from __future__ import annotations

import re

from deploytool.load.compose.validators import (
    INVALID,
    Spot,
    Valid,
    Validator,
    amount,
    duration,
    either,
    flag,
    integer,
    kind_of,
    list_of,
    map_of,
    non_empty,
    one_of,
    size,
    text,
)
from deploytool.load.text.located import Raw
from deploytool.load.text.units import parse_duration

texts = list_of(text)
one_or_more = list_of(text, or_one=True)

# Source: moby/sys/signal for Linux.
_SIGNAL = re.compile(
    "(SIG)?(ABRT|ALRM|BUS|CHLD|CLD|CONT|FPE|HUP|ILL|INT|IO|IOT|KILL|PIPE|POLL|PROF|PWR|QUIT|SEGV|STKFLT|STOP|SYS"
    "|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1|USR2|VTALRM|WINCH|XCPU|XFSZ"
    r"|RTMIN(\+([1-9]|1[0-5]))?|RTMAX(-([1-9]|1[0-4]))?)"
)


def command(value: Raw, spot: Spot) -> Valid:
    """A command: text, or a list of words."""
    return texts(value, spot) if isinstance(value, list) else text(value, spot)


def health_test(value: Raw, spot: Spot) -> Valid:
    """A list begins with how it is run; text is for the shell."""
    read = command(value, spot)
    if isinstance(read, list) and (not read or read[0] not in ("NONE", "CMD", "CMD-SHELL")):
        return spot.wrong("has to begin with CMD, CMD-SHELL or NONE", "write [CMD, program, …], or text")
    return read


def restart(value: Raw, spot: Spot) -> Valid:
    """``no`` without quotes is false in YAML 1.1; Compose reads 1.2, where it is a word."""
    word = "no" if value is False else text(value, spot)
    if word is INVALID:
        return INVALID
    name, _, times = word.partition(":")
    if word in ("no", "always", "on-failure", "unless-stopped") or (
        name == "on-failure" and times.isdecimal()
    ):
        return word
    return spot.wrong(
        f"cannot be '{word}'", "it is one of no, always, on-failure, on-failure:3, unless-stopped"
    )


def pull_policy(value: Raw, spot: Spot) -> Valid:
    """``missing``, ``if_not_present``, ``always`` or ``never``; ``build`` is refused."""
    word = text(value, spot)
    if word == "build":
        return spot.wrong(
            "cannot be 'build': images are built in CI", "push the image and name it with 'image'"
        )
    return one_of("missing", "if_not_present", "always", "never")(value, spot)


def signal_name(value: Raw, spot: Spot) -> Valid:
    """A signal that Docker knows. It would refuse another only when the old replica is gone."""
    word = text(value, spot)
    if word is INVALID:
        return INVALID
    known = word.lstrip("0") if word.isdecimal() else _SIGNAL.fullmatch(word.upper())
    return word if known else spot.wrong(f"is no signal: '{word}'", "write it as SIGTERM, TERM or 15")


def share(value: Raw, spot: Spot) -> Valid:
    """A part of a whole: 0 to 1."""
    read = amount(value, spot)
    return spot.wrong(f"cannot be more than 1: {read}") if read is not INVALID and read > 1 else read


def external(value: Raw, spot: Spot) -> Valid:
    """True or false; the older ``external: {name: x}`` is left as it is for the room that knows the rest."""
    return map_of(text)(value, spot) if isinstance(value, dict) else flag(value, spot)


def by_name(entry: Validator) -> Validator:
    """A list of names, or a mapping of names to settings that may be null; normalized: a mapping."""

    def validate(value: Raw, spot: Spot) -> Valid:
        if isinstance(value, list):
            return {name: {} for name in texts(value, spot)}
        if not isinstance(value, dict):
            return spot.wrong(f"has to be a list of names or a mapping, not {kind_of(value)}")
        read = {k: {} if v is None else entry(v, spot.inside(value, k)) for k, v in value.items()}
        return {key: item for key, item in read.items() if item is not INVALID}

    return validate


def entries(long: Validator, name: str) -> Validator:
    """One entry or a list of them, as text or in long form; normalized: mappings with at least ``name``."""

    def validate(value: Raw, spot: Spot) -> Valid:
        written = [value] if isinstance(value, dict) else value
        read = list_of(either(long, non_empty), or_one=True)(written, spot)
        if read is INVALID:
            return INVALID
        if isinstance(written, list) and any(isinstance(e, dict) and name not in e for e in written):
            spot.wrong(f"has an entry without '{name}'")
        found = [entry if isinstance(entry, dict) else {name: entry} for entry in read]
        return [entry for entry in found if name in entry]

    return validate


def mode(value: Raw, spot: Spot) -> Valid:
    """Permission bits: YAML's ``0440`` is octal already, text is read as octal."""
    if isinstance(value, str):
        try:
            value = int(value, 8)
        except ValueError:
            return spot.wrong(f"is no permission: '{value:.20}'", 'write it as in "0440"')
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o777:
        return spot.wrong("is no permission", 'write it as in "0440"')
    return value


def cpus_text(value: Raw, spot: Spot) -> Valid:
    """A number of CPUs, as text."""
    result = amount(value, spot)
    return INVALID if result is INVALID else f"{result:g}"


def size_text(value: Raw, spot: Spot) -> Valid:
    """An amount of memory in bytes, as text."""
    result = size(value, spot)
    return INVALID if result is INVALID else str(result)


def microseconds(value: Raw, spot: Spot) -> Valid:
    """A number, or a duration as in ``400us``: Compose's releases do not agree on the second."""
    if isinstance(value, str) and value.strip().endswith("s"):
        read = duration(value, spot)
        return INVALID if read is INVALID else round(parse_duration(read) * 1_000_000)
    return integer(value, spot)
