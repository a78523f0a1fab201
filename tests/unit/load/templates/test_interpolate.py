"""``${VAR}`` as Compose reads it, and ``.env`` files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploytool.errors import InputError, Place
from deploytool.load.templates.dotenv import parse_dotenv, read_dotenv
from deploytool.load.templates.interpolate import Interpolation
from deploytool.load.text.problems import Problems

AT = Place("compose.yaml", 2, 3)
ENVIRONMENT = {"SET": "value", "EMPTY": "", "DOLLAR": "a$b${c}"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$SET/${SET}", "value/value"),
        ("$SETx", None),
        ("${SET}x", "valuex"),
        ("$$SET $$$$", "$SET $$"),
        ("${UNSET:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${UNSET-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${SET:-d}", "value"),
        ("${SET:+r}", "r"),
        ("${EMPTY:+r}", ""),
        ("${EMPTY+r}", "r"),
        ("${UNSET+r}", ""),
        ("${SET:?no}${EMPTY?no}", "value"),
        ("${UNSET:-${EMPTY:-${SET}}}", "value"),
        ("${UNSET:-a}b}", "ab}"),
        ("${SET:-${UNSET}}", "value"),
        ("${UNSET:-}", ""),
        ("${UNSET:-$$x}", "$x"),
        ("${DOLLAR}", "a$b${c}"),
        ("${UNSET:-{a: b}", "{a: b"),
        ("a $ b$", "a $ b$"),
        ("$(date) $1 $@ $$$", "$(date) $1 $@ $$"),
    ],
)
def test_operators(text: str, expected: str | None) -> None:
    """Every operator does what it does in Compose; what a variable holds is not read again."""
    if expected is None:
        with pytest.raises(InputError):
            Interpolation(ENVIRONMENT)(text, AT)
    else:
        assert Interpolation(ENVIRONMENT)(text, AT) == expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("${EMTPY}", "the variable 'EMTPY' is not set", "did you mean 'EMPTY'?"),
        ("$Q9", "the variable 'Q9' is not set", "write ${Q9:-} for nothing"),
        ("${UNSET:?give it}", "the variable 'UNSET' is required: give it", ""),
        ("${EMPTY:?}", "the variable 'EMPTY' is required", ""),
        ("${SET", "'${SET' is followed by neither '}' nor", ""),
        ("${UNSET:-a", "'${' without '}'", "write $$"),
        ("${ SET }", "'${ SET }' begins no variable", "write $$"),
        ("${UNSET:-" * 99, "nested deeper than", ""),
    ],
)
def test_errors(text: str, message: str, hint: str) -> None:
    """What cannot be replaced is an error with its place, never an empty string in silence."""
    with pytest.raises(InputError) as caught:
        Interpolation(ENVIRONMENT)(text, AT)
    (found,) = caught.value.problems
    assert found.place == AT
    assert message in found.message
    assert hint in found.hint


@given(st.text(), st.dictionaries(st.sampled_from("ABC"), st.text()))
def test_any_text_is_answered(text: str, environment: dict[str, str]) -> None:
    """Any text is replaced or refused; doubled dollar signs always give the text itself."""
    interpolation = Interpolation(environment)
    assert interpolation(text.replace("$", "$$"), AT) == text
    try:
        interpolation(text, AT)
    except InputError as error:
        assert error.problems


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
