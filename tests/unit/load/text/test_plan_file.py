"""A file that is to be a saved plan: only a whole one, of this format, as it was written, is taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploytool.errors import InputError
from deploytool.load.text.plan_file import read_plan
from deploytool.model.document import sealed, text_of

GOOD = sealed(
    {
        "format": 1,
        "deploytool": "1.0",
        "command": {"inventory": "hosts.yaml", "playbooks": [], "options": {}},
        "inputs": [],
        "hosts": [{"name": "h1", "answered": False, "reason": "no answer"}],
        "projects": [],
    }
)
TEXT = text_of(GOOD)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(text, "utf-8")
    return path


def test_a_plan_is_read_as_it_was_written(tmp_path):
    """Also where somebody only laid it out anew."""
    assert read_plan(written(tmp_path, TEXT)) == GOOD
    assert read_plan(written(tmp_path, json.dumps(GOOD, sort_keys=True))) == GOOD


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it is not JSON"),
        (TEXT[:-20], "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "is no plan of deploytool"),
        ('{"format": "1"}', "is no plan of deploytool"),
        (TEXT.replace('"format": 1', '"format": 2'), "format 2, and this version reads format 1"),
        (TEXT.replace('"format": 1', '"format": 0'), "format 0, and this version reads format 1"),
        (TEXT.replace("no answer", "an answer"), "its checksum does not match"),
        (TEXT.replace('"digest"', '"digset"'), "its checksum does not match"),
        (text_of(sealed({**GOOD, "hosts": {}})), "though its checksum matches"),
        (
            text_of(sealed({**GOOD, "hosts": [{"name": "h1", "answered": True}]})),
            "though its checksum matches",
        ),
        (text_of(sealed({**GOOD, "projects": [{"project": "shop"}]})), "though its checksum matches"),
        (text_of(sealed({"format": 1})), "though its checksum matches"),
    ],
)
def test_anything_else_is_bad_input_with_a_way_out(tmp_path, text, sentence):
    """A sentence, never a traceback; nobody is asked anything."""
    with pytest.raises(InputError, match=sentence) as caught:
        read_plan(written(tmp_path, text))
    assert caught.value.problems[0].hint


def test_a_missing_file_is_named(tmp_path):
    """As any other input."""
    with pytest.raises(InputError, match="no such file"):
        read_plan(tmp_path / "none.json")
