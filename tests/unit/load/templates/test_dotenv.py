"""``.env`` and ``env_file`` as Compose reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.load.templates.dotenv import parse_dotenv, read_dotenv
from deploytool.load.text.problems import Problems


def test_dotenv() -> None:
    """Quotes, comments, ``export``, references and bare names as Compose reads them."""
    problems = Problems()
    text = (
        "# comment\n\nA=1\nexport B = two words # comment\nC='raw $A # kept'\nD=\"x\\ny $A\"\n"
        'E=${A:-9}${OUT}\nMULTI="line 1\nline 2"\nOUT\nNOT_SET\nF: colon\nG=a#b\nH=\n'
    )
    assert parse_dotenv(text, ".env", {"OUT": "outer"}, problems) == {
        "A": "1", "B": "two words", "C": "raw $A # kept", "D": "x\ny 1", "E": "1outer",
        "MULTI": "line 1\nline 2", "OUT": "outer", "F": "colon", "G": "a#b", "H": "",
    }  # fmt: skip
    assert not problems.found


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("X=a#b", "a#b"),
        ("X=#b", "#b"),
        ("X=a\t#b", "a\t#b"),
        ("X=a #b", "a"),
        ("X='it\\'s'", "it's"),
        ("X='a\\\\'", "a\\\\"),
        ("X='a\\nb'", "a\\nb"),
        ('X="\\a\\b\\f\\v\\x"', "\a\b\f\v\\x"),
        ("X='a' # c", "a"),
        ("X=$(date) a$", "$(date) a$"),
        ("X:1", "1"),
        ("X.y-z_0=1", None),
    ],
)
def test_dotenv_lines(line: str, value: str | None) -> None:
    """Each line means what it means to Compose 2.26."""
    problems = Problems()
    assert parse_dotenv(line, ".env", {}, problems).get("X") == value
    assert not problems.found


def test_dotenv_raw() -> None:
    """``format: raw`` takes what stands after the sign as it is."""
    assert parse_dotenv("A='$X' # y\n", ".env", {}, Problems(), raw=True) == {"A": "'$X' # y"}


def test_dotenv_problems(tmp_path: Path) -> None:
    """Each wrong line is told with its number; a missing file and binary content, too."""
    problems = Problems()
    parse_dotenv("A=1\nnot a line\nB=${NO}\nD='a'b\nE/F=1\nC='open\n", "x.env", {}, problems)
    read_dotenv(tmp_path / "missing", "missing", {}, problems)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    read_dotenv(tmp_path / "binary", "binary", {}, problems)
    places = [str(problem.place) for problem in problems.found]
    assert places == [*(f"x.env:{line}" for line in range(2, 7)), "missing", "binary:1"]
