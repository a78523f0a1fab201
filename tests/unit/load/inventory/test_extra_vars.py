"""Extra variables in their three forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploytool.errors import InputError
from deploytool.load.inventory.extra_vars import parse_extra_vars


def test_extra_vars(tmp_path: Path) -> None:
    """The three forms of -e; later ones win; k=v gives strings."""
    path = tmp_path / "more.yml"
    path.write_text("d: [1]\n")
    values = parse_extra_vars(["a=1 b='x y' c=p=q", '{"a": 2}', f"@{path}", "{e: yes}"])
    assert dict(values) == {"a": 2, "b": "x y", "c": "p=q", "d": [1], "e": True}


def test_words_of_extra_vars() -> None:
    """Templates and quotes hold words together; escapes mean what they mean in Python."""
    text = r"""a={{ b | join(' ') }} c={% if x %}y{% endif %} d="e f" g=\"h\" i=j\nk l=m"n o"p q=\u00e9"""
    assert dict(parse_extra_vars([text])) == {
        "a": "{{ b | join(' ') }}",
        "c": "{% if x %}y{% endif %}",
        "d": "e f",
        "g": "h",
        "i": "j\nk",
        "l": 'm"n o"p',
        "q": "é",
    }


@pytest.mark.parametrize(
    "text", ["a", "=1", "[1]", "{", "a='", "/etc/vars.yml", "@/nosuch/file", "a=1 b", "a={{ b"]
)
def test_wrong_extra_vars(text: str) -> None:
    """What is none of the three forms is an error, never half taken."""
    with pytest.raises(InputError):
        parse_extra_vars([text])
