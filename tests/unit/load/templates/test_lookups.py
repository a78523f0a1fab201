"""Lookups in templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.errors import InputError
from deploytool.load.templates.template import Templates
from tests.unit.load.templates.rendering import AT


def test_lookup_file(tmp_path: Path) -> None:
    """Files are looked up in ``files/`` and beside the playbook; a missing one is an error."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a").write_text("in files\n")
    (tmp_path / "b").write_text("beside\n")
    templates = Templates(search=tmp_path, environ={})
    assert (
        templates.render("{{ lookup('file', 'a') }}, {{ lookup('file', 'b') }}", {}, AT) == "in files, beside"
    )
    with pytest.raises(InputError, match="there is no file 'c'"):
        templates.render("{{ lookup('file', 'c') }}", {}, AT)
