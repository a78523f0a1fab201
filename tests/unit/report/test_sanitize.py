"""Foreign text on a terminal."""

from __future__ import annotations

from deploytool.report.sanitize import sanitize

EVIL = "\x1b[2J\x00\x9b31m</failure>]]>&\ud800\u202e\uffff::error::no"


def test_foreign_text_cannot_steer_a_terminal():
    """Also by characters of eight bits and by those that turn the direction."""
    shown = sanitize(EVIL)
    assert not set(shown) & set("\x1b\x00\x9b\u202e\ud800")
    assert "\\x1b[2J" in shown
    assert sanitize("a\tb\nc · ± ü") == "a\tb\nc · ± ü"
