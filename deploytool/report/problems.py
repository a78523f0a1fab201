"""Problems → lines: a sentence with its place, and a hint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deploytool.errors import Problem
from deploytool.report.sanitize import sanitize


def problem_lines(problems: Iterable[Problem], most: int | None = None) -> Iterator[str]:
    """``FILE:LINE:COLUMN: error: SENTENCE`` and the way out; at most ``most`` of them."""
    listed = list(problems)
    shown = listed if most is None else listed[:most]
    for problem in shown:
        place = f"{problem.place}: " if str(problem.place) else ""
        yield sanitize(f"{place}error: {problem.message}")
        if problem.hint:
            yield sanitize(f"  hint: {problem.hint}")
    if len(shown) < len(listed):
        yield f"… and {len(listed) - len(shown)} more (-v shows all)"
