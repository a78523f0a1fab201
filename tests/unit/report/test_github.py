"""GitHub's workflow commands: annotations are ours only."""

from __future__ import annotations

import pytest

from deploytool.errors import Place, Problem
from deploytool.report.github import annotated, harmless


@pytest.mark.parametrize("line", ["::error::x", "  ::stop-commands::x", "a ##[error]x", "##[add-mask]x"])
def test_foreign_text_is_no_command_on_github(line):
    """The runner takes lines that begin with :: once white space is gone, and ##[ anywhere."""
    safe = harmless(f"    | {line}")
    assert not safe.strip().startswith("::")
    assert "##[" not in safe


def test_annotations_name_the_place_and_hold_one_line():
    """Percent signs, line breaks, colons and commas are written as GitHub wants them."""
    (line,) = annotated([Problem(Place("a,b:c.yaml", 3, 7), "50% off\nsecond", "hint")])
    assert line == "::error file=a%2Cb%3Ac.yaml,line=3,col=7::50%25 off%0Asecond%0Ahint"
