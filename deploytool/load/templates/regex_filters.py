"""Filters and tests with regular expressions, with the syntax of ``re`` and a limit of time.

Quick ones are free. All slow ones share one allowance of time, so that a thousand bad expressions cannot
hold a command up.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from time import thread_time
from typing import TYPE_CHECKING, Any, TypeVar

from deploytool.load.templates.limits import Data, check_text, defined
from deploytool.load.text.problems import Mistake
from deploytool.model.expression import TOO_SLOW_HINT, Expression, compile_expression, wrong_expression

if TYPE_CHECKING:
    from regex import Match

T = TypeVar("T")

_QUICK_S = 0.01
_SLOWEST_S = 0.5
_ALLOWANCE_S = 2.0
_MAX_WORK = 2_000_000  # characters times groups: ``regex`` remembers all that each group matched


class Expressions:
    """The filters and tests with regular expressions, within one allowance of processor time."""

    def __init__(self) -> None:
        self._left_s = _ALLOWANCE_S

    @property
    def filters(self) -> Mapping[str, Callable[..., Any]]:
        return {
            "regex_escape": lambda value: re.escape(str(defined(value))),
            "regex_findall": self.regex_findall,
            "regex_replace": self.regex_replace,
            "regex_search": self.regex_search,
        }

    @property
    def tests(self) -> Mapping[str, Callable[..., Any]]:
        return {"match": self.match, "regex": self.search, "search": self.search}

    def regex_replace(
        self,
        value: Data = "",
        pattern: str = "",
        replacement: str = "",
        ignorecase: bool = False,
        multiline: bool = False,
        count: int = 0,
    ) -> str:
        length = 0

        def replaced(match: Match[str]) -> str:
            nonlocal length
            text = match.expand(replacement)
            length += len(text)
            check_text(length)
            return text

        expression, text = _expression(pattern, ignorecase, multiline), str(defined(value))
        try:
            return self._run(
                expression, text, lambda timeout: expression.sub(replaced, text, count, timeout=timeout)
            )
        except (wrong_expression(), IndexError) as error:
            raise Mistake(f"regex_replace: {error}") from None

    def regex_search(
        self, value: Data, regex: str, *groups: str, ignorecase: bool = False, multiline: bool = False
    ) -> str | list[str] | None:
        r"""The first match, or with ``'\1'`` or ``'\g<name>'`` those groups; null where nothing matches."""
        match = self._find("search", value, _expression(regex, ignorecase, multiline))
        if match is None:
            return None
        if not groups:
            return match.group()
        try:
            return [match.expand(group) for group in groups]
        except (wrong_expression(), IndexError) as error:
            raise Mistake(f"regex_search: {error}") from None

    def regex_findall(
        self, value: Data, regex: str, multiline: bool = False, ignorecase: bool = False
    ) -> list[Data]:
        """Every match; of an expression with groups, the text of the groups."""
        expression, text = _expression(regex, ignorecase, multiline), str(defined(value))
        found = self._run(expression, text, lambda timeout: expression.findall(text, timeout=timeout))
        return [list(one) if isinstance(one, tuple) else one for one in found]

    def match(self, value: Data, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
        return self._find("match", value, _expression(pattern, ignorecase, multiline)) is not None

    def search(self, value: Data, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
        return self._find("search", value, _expression(pattern, ignorecase, multiline)) is not None

    def _find(self, how: str, value: Data, expression: Expression) -> Match[str] | None:
        text = str(defined(value))
        find: Callable[..., Match[str] | None] = getattr(expression, how)
        return self._run(expression, text, lambda timeout: find(text, timeout=timeout))

    def _run(self, expression: Expression, text: str, operation: Callable[[float], T]) -> T:
        """``operation(timeout)``, stopped where it takes too long.

        Raises:
            Mistake: the text is too long, or the operation is.
        """
        if len(text) * (1 + expression.groups) > _MAX_WORK:
            raise Mistake("the text is too long for a regular expression")
        if self._left_s <= 0:
            raise Mistake("the regular expressions of these files take too long", TOO_SLOW_HINT)
        begun = thread_time()
        try:
            return operation(min(_SLOWEST_S, self._left_s))
        except TimeoutError:
            shown = f"{expression.pattern:.60}"
            raise Mistake(f"the regular expression '{shown}' takes too long", TOO_SLOW_HINT) from None
        finally:
            spent_s = thread_time() - begun
            if spent_s > _QUICK_S:
                self._left_s -= spent_s


@functools.lru_cache(maxsize=256)
def _compiled(text: str, ignorecase: bool, multiline: bool) -> Expression:
    try:
        return compile_expression(text, ignorecase=ignorecase, multiline=multiline)
    except ValueError as error:
        raise Mistake(f"'{text[:60]}' is not a regular expression: {error}") from None


def _expression(text: Data, ignorecase: Data, multiline: Data) -> Expression:
    return _compiled(str(defined(text)), bool(ignorecase), bool(multiline))
