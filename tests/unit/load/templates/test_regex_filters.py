"""Regular expressions mean what they mean to ``re``, and none goes on for ever."""

from __future__ import annotations

import re
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deploytool.errors import InputError, Place
from deploytool.load.templates.template import Templates
from deploytool.model.expression import compile_expression

AT = Place("vars.yaml", 3, 5)
ATOMS = [
    *("a", "b", "ab", "é", ".", r"\d", r"\w", r"\s", r"\b", r"\.", r"\{", "[ab]", "[^a]", r"[\]{]", "[]b]"),
    *("{e}", "{", "}", "{i<1}", "{,1}", "{2}", "{1,2}", "?", "*", "+", "*?", "^", "$", r"\Z", "|"),
    *("(", "(?:", "(?=", "(?!", "(?<=b)", ")", r"\1", "(?i)"),
]


def problem(template: str, templates: Templates, **variables: Any) -> str:
    with pytest.raises(InputError) as caught:
        templates.render(template, variables, AT)
    (found,) = caught.value.problems
    return f"{found.place} {found.message} | {found.hint}"


@pytest.fixture
def templates() -> Templates:
    return Templates(search=Path(), environ={})


@given(
    atoms=st.lists(st.sampled_from(ATOMS), min_size=1, max_size=7),
    text=st.text("ab1. {}e<\né", max_size=8),
    ignorecase=st.booleans(),
    multiline=st.booleans(),
)
def test_an_expression_means_what_it_means_to_re(
    atoms: list[str], text: str, ignorecase: bool, multiline: bool
) -> None:
    """What ``re`` takes is taken and matches the same; what it refuses is refused."""
    pattern = "".join(atoms)
    flags = (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what means something else from one Python to the next
            theirs = re.compile(pattern, flags)
    except re.error:
        with pytest.raises(ValueError, match="at position"):
            compile_expression(pattern, ignorecase=ignorecase, multiline=multiline)
        return
    except (FutureWarning, DeprecationWarning):
        assume(False)
    ours = compile_expression(pattern, ignorecase=ignorecase, multiline=multiline)
    assert [(m.span(), m.groups()) for m in ours.finditer(text)] == [
        (m.span(), m.groups()) for m in theirs.finditer(text)
    ]
    assert ours.sub(r"<\g<0>>", text) == theirs.sub(r"<\g<0>>", text)
    assert bool(ours.match(text)) == bool(theirs.match(text))


@pytest.mark.parametrize(
    ("value", "pattern", "replacement"),
    [
        ("registry.example.com/shop/web:1.4.2", r"^(?P<name>.+?)(?::(?P<tag>[^:/]+))?$", r"\g<name>@\g<tag>"),
        ("a-b_c", "[-_]", ""),
        ("10.0.0.1/24", r"^((?:\d{1,3}\.){3})\d{1,3}(/\d+)?", r"\g<1>0\2"),
        ("x${e}y", r"\$\{e\}", "z"),
        ("x{{e}}", "{e}", r"\\1\n"),
        ("aaa", "", "-"),
        ("ab", "(x)?b", r"[\1]"),
    ],
)
def test_replacing_gives_what_re_gives(
    templates: Templates, value: str, pattern: str, replacement: str
) -> None:
    """Groups by number and name, groups that matched nothing, escapes, empty matches."""
    given = {"value": value, "pattern": pattern, "replacement": replacement}
    template = "{{ value | regex_replace(pattern, replacement) }}"
    assert str(templates.render(template, given, AT)) == re.sub(pattern, replacement, value)


def test_replacing_counts(templates: Templates) -> None:
    """``count`` and ``ignorecase`` are Ansible's."""
    assert (
        templates.render("{{ 'aAa' | regex_replace('A', '-', count=2, ignorecase=true) }}", {}, AT) == "--a"
    )


SLOW = r"(a|aa)+$"
USES = [
    "{{ text | regex_replace(slow, '') }}",
    "{{ text | regex_search(slow) }}",
    "{{ text is match(slow) }}",
    "{{ text is search(slow) }}",
    "{{ [text] | select('match', slow) | list }}",
]


@pytest.mark.parametrize("template", USES)
def test_an_expression_that_takes_too_long_is_an_error(templates: Templates, template: str) -> None:
    """It says where it stands, what it is, and why."""
    found = problem(template, templates, text="a" * 60 + "!", slow=SLOW)
    assert found == (
        "vars.yaml:3:5 the regular expression '(a|aa)+$' takes too long | "
        "a repetition within a repetition tries every way to share out the text"
    )


def test_many_slow_expressions_share_one_allowance(templates: Templates) -> None:
    """A thousand of them are a thousand errors, and take no longer than a few."""
    begun = time.process_time()
    for number in range(1000):
        found = problem("{{ text is match(slow) }}", templates, text="a" * 60 + "!", slow=f"{SLOW}{number}?")
        assert "too long" in found
    assert time.process_time() - begun < 10


def test_quick_expressions_are_free(templates: Templates) -> None:
    """However many there are, they use up nothing of what the slow ones share."""
    template = "{{ range(20000) | select('divisibleby', 2) | map('string') | map('regex_replace', '0$', 'x') | list | length }}"  # noqa: E501
    for _ in range(3):
        assert templates.render(template, {}, AT) == 10_000


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "missing )"),
        ("a{2,1}", "min repeat greater than max repeat"),
        ("(?:(?:(?:b{1000}){1000}){1000}){1000}", "repetitions of repetitions"),
        ("(?:" * 30 + "b" + "c)+" * 30, "repetitions of repetitions"),
        ("b{60000}" * 100, "repetitions of repetitions"),
        ("b{99999999999999999999}", "too large"),
        ("(" * 2000 + ")" * 2000, "nested too deep"),
        ("a" * 20_000, "more than 10000 characters"),
        ("(?x)a # (", "not possible here"),
        (r"(?#(((a)b", "not possible here"),
    ],
)
def test_an_expression_that_cannot_be_used_is_an_error(
    templates: Templates, pattern: str, words: str
) -> None:
    """A mistake in it, or a size that no machine has room for; the sentence shows its beginning only."""
    found = problem("{{ 'a' is match(pattern) }}", templates, pattern=pattern)
    assert found.startswith(f"vars.yaml:3:5 '{pattern[:60]}' is not a regular expression: ")
    assert words in found
    assert len(found) < 200


@pytest.mark.parametrize("pattern", [r"\(?x\)?", r"\\(a)x", "(?P<x>a)", "((?:[0-9a-f]{1,4}:){7}|:){1,2}" * 6])
def test_what_only_looks_like_trouble_is_fine(pattern: str) -> None:
    """An escaped parenthesis before an x, a group named x, expressions as long as those for addresses."""
    assert bool(compile_expression(pattern).search("a(x)")) == bool(re.search(pattern, "a(x)"))


@pytest.mark.parametrize(
    "template",
    [
        "{{ ('a' * 100000) | regex_replace('', 'x' * 100000) }}",
        "{{ ('a' * 8000000) | regex_replace('((((a))))+', 'x') }}",
    ],
)
def test_what_an_expression_makes_is_bounded(templates: Templates, template: str) -> None:
    """Neither the text nor what the groups remember can fill the memory."""
    problem(template, templates)
