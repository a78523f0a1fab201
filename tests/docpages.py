"""The commands of the documentation as data: which are run, on what files, and what they have to print.

A ``console`` block is run, in the order of its page, in a folder of the page's own that has the repository's
inventories and playbooks. What follows a ``$`` line is what it prints; ``…`` stands for anything, and a block
that shows nothing may print anything. Comments before a block say more, one a line:

    <!-- not run: REASON -->     it is not run
    <!-- before: COMMAND -->     run first, and not shown
    <!-- exit: CODE -->          how its last command ends
    <!-- file: NAME -->          the block is a file of that name, for the commands below

A page none of whose blocks has such a comment is one whose commands its own tests hold: there it is only
checked that every command of deploytool exists, with its options.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"(?P<marks>(?:^<!-- .*? -->\n)*)^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)
_MARK = re.compile(r"<!-- (not run|before|exit|file): (.*?) -->")
_COMMANDS = frozenset({"console", "sh", "bash", "shell"})


@dataclass(frozen=True)
class Block:
    """One block of code of a page. ``line`` is where it begins."""

    page: str
    line: int
    language: str
    body: str
    marks: tuple[tuple[str, str], ...] = field(default=())

    @property
    def is_command(self) -> bool:
        return self.language in _COMMANDS

    @property
    def file(self) -> str:
        """The name of the file that the block is; empty where it is none."""
        return next((value for mark, value in self.marks if mark == "file"), "")

    @property
    def not_run(self) -> str:
        """The reason why it is not run; empty where it is."""
        return next((value for mark, value in self.marks if mark == "not run"), "")

    @property
    def before(self) -> tuple[str, ...]:
        return tuple(value for mark, value in self.marks if mark == "before")

    @property
    def exit_code(self) -> int:
        return int(next((value for mark, value in self.marks if mark == "exit"), "0"))

    def steps(self) -> Iterator[tuple[str, str]]:
        """Each command with what it has to print. A line that ends in a backslash goes on."""
        lines = self.body.replace("\\\n", " ").splitlines()
        if self.language != "console":
            lines = [f"$ {line}" for line in lines if line.strip() and not line.startswith("#")]
        command, printed = "", []
        for line in lines:
            if line.startswith("$ "):
                if command:
                    yield command, "\n".join(printed)
                command, printed = line[2:], []
            else:
                printed.append(line)
        if command:
            yield command, "\n".join(printed)


def pages() -> list[Path]:
    """Every page of the site, and the README."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text("utf-8")
    name = page.relative_to(ROOT).as_posix()
    return [
        Block(
            name,
            text.count("\n", 0, match.start()) + 1,
            match["language"],
            match["body"],
            tuple(_MARK.findall(match["marks"])),
        )
        for match in _BLOCK.finditer(text)
    ]


def is_marked(page: Path) -> bool:
    """True if a block of the page has a comment about its commands."""
    return any(block.marks for block in blocks(page))


def own_commands(block: Block) -> Iterator[list[str]]:
    """The words of each command of deploytool in a block, without the program's name and what is piped on."""
    for command, _ in block.steps():
        lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        for is_sign, group in itertools.groupby(lexer, lambda word: set(word) <= set("|&;<>()")):
            words = [] if is_sign else list(group)
            while words and re.match(r"\w+=", words[0]):
                words = words[1:]
            if words and Path(words[0]).name == "deploytool":
                yield words[1:]


def agrees(said: str, expected: str) -> bool:
    """True if the printed output is the one that the page shows."""
    shown = "\n".join(line.rstrip() for line in expected.strip().splitlines())
    pattern = ".*?".join(re.escape(part) for part in shown.split("…"))
    printed = "\n".join(line.rstrip() for line in said.strip().splitlines())
    return re.fullmatch(pattern, printed, re.DOTALL) is not None
