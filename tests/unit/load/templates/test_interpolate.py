"""``${VAR}`` with all of Compose's operators."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploytool.errors import InputError, Place
from deploytool.load.templates.interpolate import Interpolation

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
