"""Releases as a table and as JSON."""

from __future__ import annotations

import json

from deploytool.model.release import Release
from deploytool.report.history import History
from deploytool.report.registry import HISTORY_FORMATS

RELEASES = (
    Release(1, "one", when="2026-11-25T14:00:00Z", who="root@runner", placements={"web": {"h1": 2, "h2": 0}}),
    Release(2, "two", when="2026-11-26T14:00:00Z", who="ro\x1bot", changed=("web",)),
)
HISTORIES = [History("shop", RELEASES, 1), History("blog", (), 0)]


def test_the_newest_comes_first_and_the_current_is_marked():
    """Of each project in turn; foreign text is harmless."""
    lines = HISTORY_FORMATS["text"](HISTORIES).splitlines()
    assert lines[0] == "shop"
    assert [line.split()[0] for line in lines[2:4]] == ["2", "1*"]
    assert "web 2 on 1" in lines[3]
    assert "ro\\x1bot" in lines[2]
    assert lines[4] == "blog: no releases yet"


def test_programs_get_them_oldest_first():
    """By project."""
    document = json.loads(HISTORY_FORMATS["json"](HISTORIES))
    assert [(one["release"], one["current"]) for one in document["shop"]] == [(1, True), (2, False)]
    assert document["blog"] == []
