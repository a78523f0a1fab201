"""Foreign text (logs, names, errors) as it may be printed: it cannot steer a terminal or a CI system."""

from __future__ import annotations

import re

# Control characters, and those that turn the direction of text; a tab and a line break do no harm.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def sanitize(text: str) -> str:
    """The text with what is unsafe written out: an escape character becomes ``\\x1b``."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode(), text)
