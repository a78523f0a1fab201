"""Whether a stream may get colours."""

from __future__ import annotations

import sys
from os import environ


def stdout_has_colours() -> bool:
    """A terminal that knows more than text, and nobody who asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
