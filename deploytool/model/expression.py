"""Users' regular expressions, compiled so that matching can have a timeout: some take exponential time.

The syntax is that of ``re``; matching is done by the ``regex`` package, which supports timeouts. Callers
match with a timeout of their own. The package is imported with the first expression, as few playbooks have
one.
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

# ``regex`` reads a{e} as a fuzzy match; for ``re`` every brace that is no repetition count is plain text.
_PLAIN_BRACE = re.compile(r"(\\N\{[^}]*\}|\\.)|\{(?![0-9]*,?[0-9]*\})", re.DOTALL)
_COMMENT = re.compile(r"(?<!\\)(?:\\\\)*\(\?(?:#|[a-zA-Z]*x)")
_TOKEN = re.compile(r"(\(|\)|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.)(?:(\+)|\{([0-9]+))?", re.DOTALL)


def compile_expression(text: str, *, ignorecase: bool = False, multiline: bool = False) -> Expression:
    """Compile an expression in the syntax of ``re``.

    Raises:
        ValueError: the reason as a sentence, which does not quote the expression.
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
    """The exception that matching raises for a wrong expression or replacement."""
    import regex

    return regex.error


def _escaped(match: re.Match[str]) -> str:
    return match[1] or r"\{"


def _size(text: str) -> int:
    """An estimate of the compiled size: ``regex`` expands the required repetitions."""
    open_groups = [0]
    for what, some, least in _TOKEN.findall(text):
        if what == "(":
            open_groups.append(0)
        else:
            inner = open_groups.pop() if what == ")" else 1
            open_groups[-1] += inner * (2 if some else max(1, int(least or 1)))
    return open_groups[0]
