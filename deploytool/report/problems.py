"""What is wrong → lines: a sentence with its place, and a way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deploytool.errors import Problem
from deploytool.report.sanitize import printable


def problem_lines(problems: Iterable[Problem], most: int | None = None) -> Iterator[str]:
    """``FILE:LINE:COLUMN: error: SENTENCE`` and the way out; at most ``most`` of them."""
    listed = list(problems)
    shown = listed if most is None else listed[:most]
    for problem in shown:
        place = f"{problem.place}: " if str(problem.place) else ""
        yield printable(f"{place}error: {problem.message}")
        if problem.hint:
            yield printable(f"  hint: {problem.hint}")
    if len(shown) < len(listed):
        yield f"… and {len(listed) - len(shown)} more (-v shows all)"
