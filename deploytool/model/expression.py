"""Regular expressions of users, which may be written so that ``re`` would never come to an end.

The language is that of ``re``. The matching is the ``regex`` package's, since it can be told how long it
may take. Only compiling lives here; who matches says how long, and what is wrong with too long. Few
playbooks have such an expression, so the package is imported with the first one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import regex

Expression: TypeAlias = "regex.Pattern[str]"

MAX_LENGTH = 10_000
TOO_SLOW_HINT = "a repetition within a repetition tries every way to share out the text"
_MAX_SIZE = 200_000

# To ``regex`` a{e} means "a, with errors"; to ``re`` it is text, as is every brace that counts nothing.
_PLAIN_BRACE = re.compile(r"(\\N\{[^}]*\}|\\.)|\{(?![0-9]*,?[0-9]*\})", re.DOTALL)
_COMMENT = re.compile(r"(?<!\\)(?:\\\\)*\(\?(?:#|[a-zA-Z]*x)")
_TOKEN = re.compile(r"(\(|\)|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.)(?:(\+)|\{([0-9]+))?", re.DOTALL)


def compile_expression(text: str, *, ignorecase: bool = False, multiline: bool = False) -> Expression:
    """Compile an expression that ``re`` would take, too.

    Raises:
        ValueError: a sentence, without the expression itself.
    """
    import regex

    if len(text) > MAX_LENGTH:
        raise ValueError(f"it has more than {MAX_LENGTH} characters")
    flags = (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)
    try:
        re.compile(text, flags)
        if _COMMENT.search(text):
            raise ValueError("comments and (?x) are not possible here")
        if _size(text) > _MAX_SIZE:
            raise ValueError("its repetitions of repetitions are too many")
        return regex.compile(_PLAIN_BRACE.sub(_escaped, text), flags | regex.VERSION0)
    except (re.error, regex.error, OverflowError) as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def wrong_expression() -> type[Exception]:
    """What matching raises where an expression or a replacement is wrong."""
    import regex

    return regex.error


def _escaped(match: re.Match[str]) -> str:
    return match[1] or r"\{"


def _size(text: str) -> int:
    """How large ``regex`` makes an expression: it writes out the repetitions that there have to be."""
    open_groups = [0]
    for what, some, least in _TOKEN.findall(text):
        if what == "(":
            open_groups.append(0)
        else:
            inner = open_groups.pop() if what == ")" else 1
            open_groups[-1] += inner * (2 if some else max(1, int(least or 1)))
    return open_groups[0]
