"""Files that other programs read while they are written."""

from __future__ import annotations

import pytest

from deploytool.cli.output_files import replace_file
from deploytool.errors import UsageError


def test_files_for_others_are_replaced_as_a_whole(tmp_path):
    """Readable by all, nothing left over, and a folder that is not there is a sentence."""
    path = tmp_path / "m.prom"
    for content in (b"one\n", b"two\n"):
        replace_file(path, content, "--textfile")
        assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.prom"]
    with pytest.raises(UsageError, match="cannot be written: no such file"):
        replace_file(tmp_path / "no" / "m.prom", b"", "--textfile")
