"""Docstrings state what a thing is; a stranger does not have to decode a question."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import deploytool

PACKAGE = Path(deploytool.__file__).parent
QUESTION = re.compile(r"(What|Whether|Who|How|All that|That)\b")
"""Openings of a question or a riddle: "What stands where", "Whether to go on", "Who waits"."""

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """The place and the docstring of each module, class and function."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            line = 1 if isinstance(node, ast.Module) else node.lineno
            yield f"{path.relative_to(PACKAGE)}:{line}", text


def test_docstrings_do_not_open_with_a_question():
    """The first words name the thing, or say what it does."""
    wrong = [
        f"{where}: {text.splitlines()[0]}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for where, text in docstrings(path)
        if QUESTION.match(text)
    ]
    assert not wrong, f"{len(wrong)} docstrings:\n" + "\n".join(wrong)
