"""Amounts with units, as Docker and Compose write them."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?", re.IGNORECASE)


def parse_bytes(value: object) -> int:
    """``512M``, ``2g``, ``1.5gb`` or a plain number, in bytes; units are powers of 1024.

    Raises:
        ValueError: a sentence, for anything else.
    """
    match = (
        _SIZE.fullmatch(str(value).strip())
        if isinstance(value, (str, int, float)) and not isinstance(value, bool)
        else None
    )
    if not match or len(match[1]) > 18:
        raise ValueError(f"'{value}' is no amount of memory")
    return int(float(match[1]) * 1024 ** " kmgtp".index(match[2].lower() or " "))


_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?(?:(\d+(?:\.\d+)?)us)?"
)
_SECONDS = (3600.0, 60.0, 1.0, 1e-3, 1e-6)
MAX_SECONDS = 10 * 366 * 86400


def parse_duration(value: object) -> float:
    """``90s``, ``1m30s``, ``500ms`` or ``0`` in seconds.

    Raises:
        ValueError: a sentence, for anything else; a number without a unit too, since Compose refuses it.
    """
    text = str(value).strip() if isinstance(value, (str, int, float)) and not isinstance(value, bool) else ""
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if not text or len(text) > 40 or not match:
        raise ValueError(f"{value!r:.40} is no duration")
    seconds = sum(float(part) * unit for part, unit in zip(match.groups(), _SECONDS, strict=True) if part)
    if seconds > MAX_SECONDS:
        raise ValueError(f"'{text}' is longer than ten years")
    return seconds


def duration_text(seconds: float) -> str:
    """Seconds as Compose writes a duration: ``90s``, ``0.5s``."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"
